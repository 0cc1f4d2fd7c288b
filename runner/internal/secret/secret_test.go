package secret

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

const planted = `p@ss <"z\kq`

func TestNothingPrintsASecret(t *testing.T) {
	holder := struct{ Password String }{New(planted)}
	hiddenField := struct{ password String }{New(planted)}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		if text := fmt.Sprintf(verb, hiddenField); strings.Contains(text, "kq") {
			t.Errorf("printed %s", text)
		}
	}
	printed := []string{holder.Password.String(), holder.Password.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed = append(printed, fmt.Sprintf(verb, holder), fmt.Sprintf(verb, &holder), fmt.Sprintf(verb, holder.Password))
	}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).LogAttrs(t.Context(), slog.LevelInfo, "x", slog.Any("password", holder.Password))
	slog.New(slog.NewTextHandler(&logged, nil)).LogAttrs(t.Context(), slog.LevelInfo, "x", slog.Any("holder", holder))
	printed = append(printed, string(encoded), logged.String())
	for _, text := range printed {
		if strings.Contains(text, "kq") || !strings.Contains(text, "***") {
			t.Errorf("printed %s", text)
		}
	}
	if holder.Password.Reveal() != planted {
		t.Error("Reveal is wrong")
	}
}

func TestNoSecretPrintsAsNothing(t *testing.T) {
	for _, none := range []String{{}, New("")} {
		if text := fmt.Sprintf("[%v%s%q%#v]", none, none, none, none); text != "[]" || !none.IsZero() {
			t.Errorf("no secret prints as %s", text)
		}
	}
	var read struct{ Password String }
	if err := json.Unmarshal([]byte(`{"Password":"x"}`), &read); err != nil || read.Password.Reveal() != "x" {
		t.Errorf("read %q, %v", read.Password.Reveal(), err)
	}
}

func TestInConfig(t *testing.T) {
	for key, value := range map[string]string{
		"connection.password": "x", "sasl.jaas.config": "x", "aws.secret.access.key": "x", "azure.sas.key": "x", "api.key": "x",
		"database.PASSWD": "x", "ssl.keystore.key": "x", "snowflake.private.key": "x", "ssl.key.passphrase": "x", "http.auth.bearer": "x",
		"gcs.credentials.json": "x", "headers.Authorization": "x", "db.pwd": "x", "oauth2.client.secret": "x",
		"connection.uri": "mongodb://u:p@host/db", "connection.url": "jdbc:postgresql://host/db?user=u&password=p",
		"connection.URL": "jdbc:sqlserver://host;user=u;password=p",
	} {
		if !InConfig(key, value) {
			t.Errorf("%s=%s passes for harmless", key, value)
		}
	}
	for key, value := range map[string]string{
		"connection.password": "${file:/secrets:pw}", "topics": "x", "key.converter": "x", "connector.class": "x", "tasks.max": "1",
		"ssl.keystore.location": "/k.jks", "connection.url": "jdbc:postgresql://host:5432/db", "sasl.mechanism": "PLAIN",
		"delete.tokens": "true", "api.key": "", "errors.deadletterqueue.topic.name": "x", "incrementing.column.name": "id",
	} {
		if InConfig(key, value) {
			t.Errorf("%s=%s passes for a secret", key, value)
		}
	}
}

func TestFromConfig(t *testing.T) {
	for name, test := range map[string]struct {
		key, value string
		want       []string
	}{
		"harmless":  {"topic", "orders", nil},
		"password":  {"db.password", "p@ss", []string{"p@ss"}},
		"user info": {"connection.uri", "mongodb://u:p%40ss@host/db", []string{"mongodb://u:p%40ss@host/db", "p%40ss", "p@ss"}},
		"query":     {"connection.url", "jdbc:x://h/db?user=u&password=p4ss&ssl=on", []string{"jdbc:x://h/db?user=u&password=p4ss&ssl=on", "p4ss"}},
		"JAAS":      {"sasl.jaas.config", `x.PlainLoginModule required username="u" password="p4ss";`, []string{`x.PlainLoginModule required username="u" password="p4ss";`, "p4ss"}},
		"OAuth":     {"sasl.jaas.config", `x.OAuth required clientId="u" clientSecret="p4ss";`, []string{"p4ss"}},
		"JSON":      {"gcs.credentials.json", `{"type":"x", "private_key" : "BEGIN\nKEY"}`, []string{"BEGIN\nKEY"}},
		"basic":     {"schema.basic.auth.user.info", "user:p4ss", []string{"user:p4ss", "p4ss"}},
	} {
		found := FromConfig(test.key, test.value)
		if test.want == nil && len(found) > 0 {
			t.Errorf("%s: passes for a secret", name)
		}
		for _, want := range test.want {
			if !slices.ContainsFunc(found, func(s String) bool { return s.Reveal() == want }) {
				t.Errorf("%s: %q is not found", name, want)
			}
		}
		for _, none := range found {
			if none.Reveal() == "x" || none.Reveal() == "u" {
				t.Errorf("%s: %q passes for a secret", name, none.Reveal())
			}
		}
	}
}
