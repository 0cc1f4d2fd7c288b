package secret

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
)

var (
	sensitiveKey = regexp.MustCompile(`(?i)passw|pwd|passphrase|secret|token|jaas|credential|authorization|bearer|` +
		`(?:api|private|access|account|shared|master|signing|encryption|keystore|sas)[._-]?key|connection[._-]?string|basic[._-]?auth|` +
		`(?:^|[._-])pass(?:$|[._-])`)

	// sensitiveValue is a URL with a password in it, as in mongodb://u:p@host
	// and jdbc:postgresql://host/db?user=u&password=p, JSON that has one, the value of an
	// Authorization header, or a private key.
	sensitiveValue = regexp.MustCompile(`(?i)://[^/@\s:]*:[^/@\s]+@|[?&;](?:` + credentialName + `)=[^&;\s]|` +
		`"[^"]*(?:password|secret|token)[^"]*"\s*:\s*"[^"]+"|^(?:bearer|basic) \S{8,}|-----BEGIN [A-Z ]*PRIVATE KEY`)

	// reference is a value that a config provider resolves, ${provider:path:key}: it
	// names a secret but is not one.
	reference = regexp.MustCompile(`^\$\{[^}]+\}$`)
)

// credentialName is what a credential is called in a URL's query or a connection string.
const credentialName = `password|passwd|pwd|secret|token|sig|(?:api|access|account|shared|sharedaccess)[_-]?key`

// SensitiveKey reports whether a setting of this name usually holds a secret.
func SensitiveKey(key string) bool { return sensitiveKey.MatchString(key) }

// InConfig reports whether a connector's setting probably holds a secret in clear text,
// by its key and value.
func InConfig(key, value string) bool {
	if value == "" || isWord(value) || reference.MatchString(value) {
		return false
	}
	return SensitiveKey(key) || sensitiveValue.MatchString(value)
}

// embedded finds a credential within a value: in a URL, and in a JAAS config such as
// PlainLoginModule required username="u" password="p".
var embedded = []*regexp.Regexp{
	regexp.MustCompile(`://[^/@\s:]*:([^/@\s]+)@`),
	regexp.MustCompile(`(?i)[?&;](?:` + credentialName + `)=([^&;\s]+)`),
	regexp.MustCompile(`(?i)(?:password|secret|token)[a-z0-9._-]*\s*=\s*"([^"]+)"`),
}

// jsonMember finds a member with a string value in JSON, such as a service account's key.
var jsonMember = regexp.MustCompile(`("(?:[^"\\]|\\.)*")\s*:\s*("(?:[^"\\]|\\.)*")`)

// FromConfig returns the probable secrets in a connector's setting: none, or its whole
// value and each credential within it, since a server that refuses a login may quote the
// password alone.
func FromConfig(key, value string) []String {
	if !InConfig(key, value) {
		return nil
	}
	found := []String{New(value)}
	for _, pattern := range embedded {
		for _, match := range pattern.FindAllStringSubmatch(value, -1) {
			found = append(found, New(match[1]))
			if plain, err := url.PathUnescape(match[1]); err == nil {
				found = append(found, New(plain))
			}
		}
	}
	for _, match := range jsonMember.FindAllStringSubmatch(value, -1) {
		var name, text string
		if json.Unmarshal([]byte(match[1]), &name) == nil && json.Unmarshal([]byte(match[2]), &text) == nil && SensitiveKey(name) {
			found = append(found, New(text))
		}
	}
	// user:password, as basic.auth.user.info of a schema registry has it.
	if user, password, ok := strings.Cut(value, ":"); ok && user != "" && !strings.ContainsAny(value, " /{\n") {
		found = append(found, New(password))
	}
	return found
}
