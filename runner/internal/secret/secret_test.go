package secret

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const planted = `p@ss "z\kq"`

func TestNothingPrintsASecret(t *testing.T) {
	holder := struct{ Password String }{New(planted)}
	hiddenField := struct{ password String }{New(planted)}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		if text := fmt.Sprintf(verb, hiddenField); strings.Contains(text, "kq") {
			t.Errorf("printed %s", text)
		}
	}
	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed = append(printed, fmt.Sprintf(verb, holder), fmt.Sprintf(verb, &holder), fmt.Sprintf(verb, holder.Password))
	}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).LogAttrs(t.Context(), slog.LevelInfo, "x", slog.Any("password", holder.Password))
	printed = append(printed, string(encoded), logged.String())
	for _, text := range printed {
		if strings.Contains(text, "kq") || !strings.Contains(text, "***") {
			t.Errorf("printed %s", text)
		}
	}
	if holder.Password.Reveal() != planted || fmt.Sprint(New("")) != "" {
		t.Error("Reveal or an empty secret is wrong")
	}
}

func TestMaskFindsEveryForm(t *testing.T) {
	var mask Mask
	mask.Add(New(planted), New("abc"), New("planted-1"), New("planted-1-longer"))
	for _, text := range []string{
		"password is " + planted + "!", `{"password":"p@ss \"z\\kq\""}`, "http://x/?p=p%40ss+%22z%5Ckq%22",
		"planted-1-longer", "cEBzcyAielxrcSI=",
	} {
		if got := mask.Text(text); !strings.Contains(got, "***") || strings.Contains(got, "kq") || strings.Contains(got, "longer") {
			t.Errorf("%s became %s", text, got)
		}
	}
	if got := mask.Text("abc"); got != "abc" {
		t.Errorf("a short value was masked: %s", got)
	}
}

func TestInConfig(t *testing.T) {
	for key, value := range map[string]string{
		"connection.password": "x", "sasl.jaas.config": "x", "aws.secret.access.key": "x", "azure.sas.key": "x", "api.key": "x",
		"database.PASSWD": "x",
	} {
		if !InConfig(key, value) {
			t.Errorf("%s passes for harmless", key)
		}
	}
	for key, value := range map[string]string{
		"connection.password": "${file:/secrets:pw}", "topics": "x", "key.converter": "x", "connector.class": "x", "tasks.max": "1",
	} {
		if InConfig(key, value) {
			t.Errorf("%s=%s passes for a secret", key, value)
		}
	}
}
