package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

const (
	userID       = 65532
	certificates = "/etc/ssl/certs/ca-certificates.crt"
)

// imageSpec says what to build. The base is a reference to pull, or a folder with
// linux-ARCH.tar, a root file system as .ci/busybox-base makes it.
type imageSpec struct {
	base, arch, tag, ferry string
	at                     time.Time
}

// writeImage writes the image that the Dockerfile describes, without Docker and so
// for any architecture. .ci/dist-image compares the two.
func writeImage(out string, spec imageSpec) error {
	tag, err := name.NewTag(spec.tag)
	if err != nil {
		return err
	}
	image, labels, err := spec.readBase()
	if err != nil {
		return err
	}
	layer, err := spec.layer()
	if err != nil {
		return err
	}
	at := v1.Time{Time: spec.at}
	image, err = mutate.Append(image, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: at, CreatedBy: "connect-ferry: make dist"},
	})
	if err != nil {
		return err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return err
	}
	file = file.DeepCopy()
	file.Created = at
	file.Config.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"SSL_CERT_FILE=" + certificates,
	}
	file.Config.User = fmt.Sprintf("%d:%d", userID, userID)
	file.Config.WorkingDir = "/work"
	file.Config.Entrypoint = nil
	file.Config.Cmd = []string{"ferry", "--help"}
	labels["org.opencontainers.image.title"] = "connect-ferry"
	labels["org.opencontainers.image.description"] = "Moves Kafka Connect connectors between Connect clusters"
	labels["org.opencontainers.image.licenses"] = "Apache-2.0"
	file.Config.Labels = labels
	if image, err = mutate.ConfigFile(image, file); err != nil {
		return err
	}
	return tarball.WriteToFile(out, tag, image)
}

// readBase returns the base, and labels that say which one it was, so that the
// same one can be named again when its tag has moved on.
func (s imageSpec) readBase() (v1.Image, map[string]string, error) {
	if info, err := os.Stat(s.base); err == nil && info.IsDir() {
		image, err := s.baseOfFolder()
		return image, map[string]string{}, err
	}
	reference, err := name.ParseReference(s.base)
	if err != nil {
		return nil, nil, err
	}
	image, err := remote.Image(reference, remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: s.arch}))
	if err != nil {
		return nil, nil, fmt.Errorf("the base %s is no folder here, and as an image it cannot be pulled: %w\n"+
			"Name another that can be: make dist BASE=... Where none can be pulled, Debian's busybox serves:\n"+
			"  .ci/busybox-base build/base && make dist BASE=build/base", s.base, err)
	}
	digest, err := image.Digest()
	if err != nil {
		return nil, nil, err
	}
	return image, map[string]string{
		"org.opencontainers.image.base.name":   reference.Name(),
		"org.opencontainers.image.base.digest": digest.String(),
	}, nil
}

func (s imageSpec) baseOfFolder() (v1.Image, error) {
	layer, err := tarball.LayerFromFile(filepath.Join(s.base, "linux-"+s.arch+".tar"))
	if err != nil {
		return nil, fmt.Errorf("the folder %s is no base: %w; make one with .ci/busybox-base %s", s.base, err, s.base)
	}
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: s.arch, RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		return nil, err
	}
	return mutate.Append(image, mutate.Addendum{
		Layer: layer, History: v1.History{Created: v1.Time{Time: s.at}, CreatedBy: "a root file system"},
	})
}

// layer is what the Dockerfile's COPY and RUN add to the base.
func (s imageSpec) layer() (v1.Layer, error) {
	ferry, err := os.ReadFile(s.ferry)
	if err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	archive := tar.NewWriter(&buffer)
	for _, entry := range []struct {
		tar.Header
		content []byte
	}{
		{tar.Header{Name: "etc/", Mode: 0o755, Typeflag: tar.TypeDir}, nil},
		{tar.Header{Name: "etc/ssl/", Mode: 0o755, Typeflag: tar.TypeDir}, nil},
		{tar.Header{Name: "etc/ssl/certs/", Mode: 0o755, Typeflag: tar.TypeDir}, nil},
		{tar.Header{Name: certificates[1:], Mode: 0o644, Typeflag: tar.TypeReg}, rootCertificates()},
		{tar.Header{Name: "ferry", Mode: 0o755, Typeflag: tar.TypeReg}, ferry},
		{tar.Header{Name: "tmp/", Mode: 0o1777, Typeflag: tar.TypeDir}, nil},
		{tar.Header{Name: "usr/", Mode: 0o755, Typeflag: tar.TypeDir}, nil},
		{tar.Header{Name: "usr/local/", Mode: 0o755, Typeflag: tar.TypeDir}, nil},
		{tar.Header{Name: "usr/local/bin/", Mode: 0o755, Typeflag: tar.TypeDir}, nil},
		{tar.Header{Name: "usr/local/bin/ferry", Mode: 0o777, Typeflag: tar.TypeSymlink, Linkname: "/ferry"}, nil},
		{tar.Header{Name: "work/", Mode: 0o755, Typeflag: tar.TypeDir, Uid: userID, Gid: userID}, nil},
	} {
		entry.ModTime = s.at
		entry.Size = int64(len(entry.content))
		if err := archive.WriteHeader(&entry.Header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(entry.content); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil
	})
}

// rootCertificates are Mozilla's, at the version that go.mod names: the build
// machine's own would make an image that depends on where it was built.
func rootCertificates() []byte {
	var buffer bytes.Buffer
	for root := range bundle.Roots() {
		buffer.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
	}
	return buffer.Bytes()
}
