package clusterfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/schemas"
)

// one makes a document of one cluster with these settings, all on line 1.
func one(settings string) string { return "clusters: {a: {connect_url: http://x, " + settings + "}}" }

func TestParseRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("FERRY_EMPTY", "")
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	login := "username: u, password: "
	for name, test := range map[string]struct{ document, want string }{
		// The document.
		"empty":         {"", "c.yaml: is empty"},
		"comment":       {"# nothing\n", "c.yaml: is empty"},
		"latin 1":       {"clusters: {a\xe9: {}}", "c.yaml: is not UTF-8 text"},
		"two documents": {"a: 1\n---\nb: 2", "c.yaml: holds more than one document, expected one"},
		"tab":           {"clusters:\n\ta: {}", "c.yaml: is not valid YAML, look near line 2: indent with blanks, not tabs, and put values with special characters in quotes"},
		"colon":         {"clusters:\n  a:\n    password: a: " + planted, "c.yaml: is not valid YAML, look near line 3: check the indentation, and put values with a colon in quotes"},
		"unclosed":      {"clusters:\n  a: [" + planted, "c.yaml: is not valid YAML, look near line 1"},
		"star":          {one(login + "*hunter2"), "c.yaml: is not valid YAML: put values that start with * in quotes"},
		"self alias":    {"clusters: &a {x: *a}", "c.yaml:1:15: clusters.x.x: is nested too deeply, or an alias contains itself"},
		"tag":           {one(login + "!vault '" + planted + "'"), "c.yaml:1:62: clusters.a.password: YAML tags are not read, put values that start with ! in quotes"},
		"merge key":     {"x: &x {connect_url: http://x}\nclusters:\n  a:\n    <<: *x\n", "c.yaml:4:5: clusters.a: merge keys (<<) are not read, write the settings out"},
		"list as key":   {"clusters: {? [a] : b}", "c.yaml:1:14: clusters: a key must be plain text"},
		"broken JSON":   {"{\n  \"clusters\": {\"a\": " + planted, "c.yaml:2:21: is not valid JSON from here on"},

		// What the schema refuses.
		"a list":           {"- a", "c.yaml:1:1: expected an object, found a list"},
		"no clusters":      {"{}", "c.yaml:1:1: missing clusters"},
		"empty clusters":   {"clusters: {}", "c.yaml:1:1: clusters: expected at least one entry, found none"},
		"null clusters":    {"clusters:", "c.yaml:1:10: clusters: expected an object, found nothing"},
		"cluster is text":  {"clusters: {a: http://x}", "c.yaml:1:15: clusters.a: expected an object, found text"},
		"nameless cluster": {"clusters: {'': {connect_url: http://x}}", "c.yaml:1:1: clusters: expected text, found none"},
		"no url":           {"clusters: {a: {username: u, password: p}}", "c.yaml:1:12: clusters.a: missing connect_url"},
		"empty url list":   {"clusters: {a: {connect_url: []}}", "c.yaml:1:16: clusters.a.connect_url: expected at least one entry, found none"},
		"empty url":        {"clusters: {a: {connect_url: ['']}}", "c.yaml:1:30: clusters.a.connect_url.0: expected text, found none"},
		"url is object":    {"clusters: {a: {connect_url: {x: y}}}", "c.yaml:1:16: clusters.a.connect_url: expected text or a list, found an object"},
		"servers are text": {one("kafka: {bootstrap_servers: 'kafka:9092'}"), "c.yaml:1:66: clusters.a.kafka.bootstrap_servers: expected a list, found text"},
		"number":           {one(login + "12345678"), "c.yaml:1:62: clusters.a.password: expected text, found a number, put it in quotes"},
		"fraction":         {one(login + "1.50"), "c.yaml:1:62: clusters.a.password: expected text, found a number, put it in quotes"},
		"boolean":          {one(login + "true"), "c.yaml:1:62: clusters.a.password: expected text, found true or false, put it in quotes"},
		"null":             {one(login), "c.yaml:1:62: clusters.a.password: expected text, found nothing"},
		"empty password":   {one(login + "''"), "c.yaml:1:62: clusters.a.password: expected text, found none"},
		"password object":  {one(login + "{" + planted + ": x}"), "c.yaml:1:52: clusters.a.password: expected text, found an object"},
		"half a login":     {one("username: u"), "c.yaml:1:12: clusters.a: username needs password beside it"},
		"other half":       {one("password: '" + planted + "'"), "c.yaml:1:12: clusters.a: password needs username beside it"},
		"half a pair":      {one("tls: {cert_file: c.pem}"), "c.yaml:1:39: clusters.a.tls: cert_file needs key_file beside it"},
		"mechanism":        {one("kafka: {bootstrap_servers: ['k:1'], sasl: {mechanism: '" + planted + "', " + login + "p}}"), "c.yaml:1:93: clusters.a.kafka.sasl.mechanism: expected one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"},
		"header is null":   {one("headers: {'" + planted + "'}"), "c.yaml:1:67: clusters.a.headers: expected text, found nothing"},

		// Keys.
		"twice":         {"clusters:\n  a: {connect_url: http://x}\n  a: {connect_url: http://y}", "c.yaml:3:3: clusters.a: the key appears twice"},
		"twice in JSON": {"{\"clusters\": {},\n \"clusters\": {}}", "c.yaml:2:2: clusters: the key appears twice"},
		"stray, twice":  {one("'" + planted + "', '" + planted + "'"), "c.yaml:1:59: clusters.a: a key appears twice"},
		"misspelt":      {"clusters:\n  a:\n    connect_url: http://x\n    pasword: '" + planted + "'", "c.yaml:4:5: clusters.a: unknown key 'pasword', did you mean password"},
		"in JSON":       {"{\"clusters\": {\n  \"a\": {\"connect_url\": \"http://x\",\n    \"pasword\": \"" + planted + "\"}}}", "c.yaml:3:5: clusters.a: unknown key 'pasword', did you mean password"},
		"camel case":    {"clusters:\n  a:\n    connectUrl: http://x", "c.yaml:3:5: clusters.a: unknown key 'connectUrl', did you mean connect_url"},
		"part":          {"clusters: {a: {url: http://x}}", "c.yaml:1:16: clusters.a: unknown key 'url', did you mean connect_url"},
		"wrong level":   {one("ca_file: x"), "c.yaml:1:39: clusters.a: unknown key 'ca_file', did you mean tls.ca_file"},
		"dotted":        {one("kafka: {bootstrap.servers: ['k:1']}"), "c.yaml:1:47: clusters.a.kafka: unknown key 'bootstrap.servers', did you mean bootstrap_servers"},
		"unclear":       {one("kafka: {bootstrap_servers: ['k:1'], topic: y}"), "c.yaml:1:75: clusters.a.kafka: unknown key 'topic', expected bootstrap_servers, config_storage_topic, offset_storage_topic, sasl, status_storage_topic, tls"},
		"no blank":      {one("username: u, password:hunter2"), "c.yaml:1:52: clusters.a: unknown key that is no plain name or has no value, expected bearer_token, connect_url, headers, kafka, oauth, password, tls, username"},
		"stray word":    {one("hunter2"), "c.yaml:1:39: clusters.a: unknown key that is no plain name or has no value, expected bearer_token, connect_url, headers, kafka, oauth, password, tls, username"},
		"odd name":      {"clusters: {\"a\\nb\": {connect_url: http://x, foo: 1}}", "c.yaml:1:44: clusters.(key 3 characters long): unknown key 'foo', expected bearer_token, connect_url, headers, kafka, oauth, password, tls, username"},

		// URLs and brokers.
		"ftp":           {"clusters: {a: {connect_url: ftp://x}}", "c.yaml:1:29: clusters.a.connect_url: expected a URL such as https://connect-1:8083"},
		"no scheme":     {"clusters: {a: {connect_url: [http://x, connect-1:8083]}}", "c.yaml:1:40: clusters.a.connect_url.1: expected a URL such as https://connect-1:8083"},
		"no host":       {"clusters: {a: {connect_url: 'http://:8083'}}", "c.yaml:1:29: clusters.a.connect_url: expected a URL such as https://connect-1:8083"},
		"commas":        {"clusters: {a: {connect_url: 'http://x:1,http://y:1'}}", "c.yaml:1:29: clusters.a.connect_url: expected a URL such as https://connect-1:8083"},
		"user info":     {"clusters: {a: {connect_url: 'http://u:secret@x'}}", "c.yaml:1:29: clusters.a.connect_url: a URL with credentials ends up in logs, use username and password"},
		"bad user info": {"clusters: {a: {connect_url: 'http://u:%zz" + planted + "@x'}}", "c.yaml:1:29: clusters.a.connect_url: expected a URL such as https://connect-1:8083"},
		"query":         {"clusters: {a: {connect_url: 'http://x?token=" + planted + "'}}", "c.yaml:1:29: clusters.a.connect_url: expected a URL without ? and #"},
		"token url":     {one("oauth: {token_url: login, client_id: a, client_secret: '" + planted + "'}"), "c.yaml:1:58: clusters.a.oauth.token_url: expected a URL such as https://connect-1:8083"},
		"broker":        {one("kafka: {bootstrap_servers: ['k:1', 'k:1,l:1']}"), "c.yaml:1:74: clusters.a.kafka.bootstrap_servers.1: expected a broker such as kafka-1:9092"},
		"no port":       {one("kafka: {bootstrap_servers: [kafka-1]}"), "c.yaml:1:67: clusters.a.kafka.bootstrap_servers.0: expected a broker such as kafka-1:9092"},

		// Logins and headers.
		"two logins":     {one(login + "'" + planted + "', bearer_token: t"), "c.yaml:1:12: clusters.a: has username and bearer_token, expected one way to log in"},
		"login, header":  {one("bearer_token: t, headers: {authorization: '" + planted + "'}"), "c.yaml:1:12: clusters.a: has bearer_token and headers.Authorization, expected one way to log in"},
		"user's colon":   {one("username: 'u:v', password: '" + planted + "'"), "c.yaml:1:49: clusters.a.username: HTTP basic authentication takes no user name with a colon"},
		"header name":    {one("headers: {'" + planted + "': x}"), "c.yaml:1:69: clusters.a.headers: a header's name is of letters, digits and -"},
		"header's lines": {one("headers: {X-A: \"" + planted + "\\r\\nX-B: x\"}"), "c.yaml:1:54: clusters.a.headers: a header's value is one line without control characters"},
		"header twice":   {one("headers: {X-A: x, x-a: y}"), "c.yaml:1:62: clusters.a.headers: the header X-A appears twice"},
		"host":           {one("headers: {host: x}"), "c.yaml:1:55: clusters.a.headers: the header Host cannot be set, it follows from connect_url and the request"},

		// References.
		"unset variable":  {one(login + "'${env:FERRY_UNSET}'"), "c.yaml:1:62: clusters.a.password: environment variable FERRY_UNSET is not set, set it for ferry"},
		"empty variable":  {one(login + "'${env:FERRY_EMPTY}'"), "c.yaml:1:62: clusters.a.password: is empty after its references are replaced"},
		"variable's name": {one(login + "'${env:" + planted + "}'"), "c.yaml:1:62: clusters.a.password: expected the name of a variable in ${env:NAME}"},
		"missing file":    {one(login + "'${file:none/pw}'"), "c.yaml:1:62: clusters.a.password: file none/pw cannot be read: no such file or directory"},
		"a folder":        {one(login + "'${file:folder}'"), "c.yaml:1:62: clusters.a.password: file folder cannot be read: is a directory"},
		"file's name":     {one(login + "'${file:" + planted + "}'"), "c.yaml:1:62: clusters.a.password: expected a path of letters, digits, blanks and ._+-/ in ${file:PATH}"},
		"kestra secret":   {one(login + "'${secret:PW}'"), "c.yaml:1:62: clusters.a.password: ${secret:PW} is resolved by the Kestra plugin only, use ${env:NAME} or ${file:PATH} here"},
		"odd secret":      {one(login + "'${secret:" + planted + "}'"), "c.yaml:1:62: clusters.a.password: ${secret:NAME} is resolved by the Kestra plugin only, use ${env:NAME} or ${file:PATH} here"},
		"odd reference":   {one(login + "'" + planted + "${" + planted + "}'"), "c.yaml:1:62: clusters.a.password: expected ${env:NAME} or ${file:PATH}; write $${ for ${ itself"},
		"open reference":  {one(login + "'${env:HOME'"), "c.yaml:1:62: clusters.a.password: a reference lacks its closing }; write $${ for ${ itself"},
		"reference's url": {"clusters: {a: {connect_url: ['${env:FERRY_UNSET}']}}", "c.yaml:1:30: clusters.a.connect_url.0: environment variable FERRY_UNSET is not set, set it for ferry"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("c.yaml", []byte(test.document))
			if err == nil || err.Error() != test.want {
				t.Fatalf("%s\n got %v\nwant %s", test.document, err, test.want)
			}
			if _, isInput := errors.AsType[*InputError](err); !isInput || strings.Contains(err.Error(), planted) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q", err)
			}
		})
	}
}

func TestAliasesCannotGrowWithoutEnd(t *testing.T) {
	for _, leaf := range []string{"x", strings.Repeat("x", 1000)} {
		document := "a0: &a0 " + leaf + "\n"
		for _, level := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"} {
			below := string(level[0] - 1)
			document += "a" + level + ": &a" + level + " [" + strings.Repeat("*a"+below+",", 9) + "]\n"
		}
		_, err := Parse("c.yaml", []byte(document))
		if err == nil || !strings.HasSuffix(err.Error(), "is too large, maybe by aliases within aliases") {
			t.Errorf("got %v", err)
		}
	}
}

func FuzzParse(f *testing.F) {
	examples, err := os.ReadFile(filepath.Join("..", "..", "..", "schemas", "clusters.schema.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(examples))
	f.Add(one("username: u, password: '" + planted + "'"))
	f.Add("clusters:\n  a:\n    connect_url: [http://x]\n    headers:\n      Cookie: \"" + planted + "\"\n")
	f.Add("clusters: &a {x: *a, y: !!binary '" + planted + "'}")
	f.Add(`{"clusters": {"a": {"connect_url": "http://x", "oauth": {"token_url": "http://y", "client_id": "i", "client_secret": "` + planted + `"}}}}`)
	f.Add(one("kafka: {bootstrap_servers: ['k:1'], sasl: {mechanism: PLAIN, username: u, password: '${env:" + planted + "}'}}"))
	f.Fuzz(func(t *testing.T, document string) {
		clusters, err := Parse("c.yaml", []byte(document))
		if err == nil {
			if len(clusters.Names()) == 0 {
				t.Fatal("a document without clusters was accepted")
			}
			return
		}
		if strings.Contains(err.Error(), planted) || strings.Contains(err.Error(), "\n") {
			t.Fatalf("the error shows the secret or has many lines: %q", err)
		}
		_, isInput := errors.AsType[*InputError](err)
		if problem, isProblem := errors.AsType[*schemas.DocumentError](err); !isInput || !isProblem || len(problem.Place) > 0 && (problem.Line < 1 || problem.Column < 1) {
			t.Fatalf("not a mistake with a place: %v: %#v", err, problem) // only a document as a whole has none
		}
	})
}
