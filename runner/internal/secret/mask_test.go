package secret

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

func TestMaskText(t *testing.T) {
	escaped, _ := json.Marshal(planted)
	twice, _ := json.Marshal(string(escaped))
	for name, test := range map[string]struct {
		secrets    []string
		text, want string
	}{
		"plain":             {[]string{planted}, "password is " + planted + "!", "password is ***!"},
		"several times":     {[]string{"planted"}, "planted, planted", "***, ***"},
		"query":             {[]string{planted}, "http://x/?p=" + url.QueryEscape(planted), "http://x/?p=***"},
		"path":              {[]string{planted}, "http://x/" + url.PathEscape(planted), "http://x/***"},
		"lower-case hex":    {[]string{"a/b?c"}, "x=a%2fb%3fc", "x=***"},
		"user info":         {[]string{"a&b@c d"}, (&url.URL{Scheme: "http", Host: "h", User: url.UserPassword("u", "a&b@c d")}).String(), "http://u:***@h"},
		"basic":             {[]string{"ferry:planted"}, "Basic " + base64.StdEncoding.EncodeToString([]byte("ferry:planted")), "Basic ***"},
		"base64 of a URL":   {[]string{"ferry:~~~~?"}, base64.RawURLEncoding.EncodeToString([]byte("ferry:~~~~?")), "***"},
		"quoted by Go":      {[]string{"a\tb\"c"}, `invalid value "a\tb\"c"`, `invalid value "***"`},
		"JSON in text":      {[]string{planted}, `body: {"p":` + string(escaped) + `}`, `body: {"p":"***"}`},
		"JSON twice":        {[]string{planted}, `body: ` + string(twice), `body: "\"***\""`},
		"unescaped <":       {[]string{`a<"b`}, `body: {"p":"a<\"b"}`, `body: {"p":"***"}`},
		"longer first":      {[]string{"planted-1", "planted-1-longer"}, "planted-1-longer planted-1", "*** ***"},
		"overlapping":       {[]string{"abcdef", "defghi"}, "xabcdefghix", "x***x"},
		"short":             {[]string{"abc"}, "abc", "abc"},
		"word":              {[]string{"true"}, "it is true", "it is true"},
		"many lines":        {[]string{"first line of a key\nsecond line of a key"}, "bad: second line of a key", "bad: ***"},
		"many lines, whole": {[]string{"abc\ndef"}, "bad: abc\ndef.", "bad: ***."},
		"document":          {[]string{"connect"}, `{"connector":"connect-1","n":[1,"connect"]}`, `{"connector":"***-1","n":[1,"***"]}`},
		"number":            {[]string{"1234"}, `{"downtime_ms":1234,"message":"got 1234"}`, `{"downtime_ms":1234,"message":"got ***"}`},
		"escape in JSON":    {[]string{planted}, `{"message":"bad p@ss \u003c\"z\\kq"}`, `{"message":"bad ***"}`},
		"pretty":            {[]string{"planted"}, "{\n  \"planted\" : \"planted\"\n}\n", "{\n  \"planted\" : \"***\"\n}\n"},
		"marker":            {[]string{"logs"}, `::{"logs":[{"message":"no logs"}]}::` + "\n", `::{"logs":[{"message":"no ***"}]}::` + "\n"},
		"lines of JSON":     {[]string{"step"}, `{"step":"x"}` + "\n" + `{"step":"step"}` + "\na step\n", `{"step":"x"}` + "\n" + `{"step":"***"}` + "\na ***\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var mask Mask
			for _, secret := range test.secrets {
				mask.Add(New(secret))
			}
			if got := mask.Text(test.text); got != test.want {
				t.Errorf("%s\n got %s\nwant %s", test.text, got, test.want)
			}
			var out strings.Builder
			if n, err := mask.Writer(&out).Write([]byte(test.text)); n != len(test.text) || err != nil || out.String() != test.want {
				t.Errorf("wrote %d, %v: %s", n, err, out.String())
			}
		})
	}
}

func FuzzMask(f *testing.F) {
	f.Add(planted, "before ", " after")
	f.Add("connect", `{"connector":"`, `"}`)
	f.Add("ab\nab", "", "ab\nab\nab")
	f.Fuzz(func(t *testing.T, value, before, after string) {
		// A star could join the mask to what stands beside it; such a value may reappear.
		if len(value) < shortest || isWord(value) || strings.Contains(value, "*") || !json.Valid([]byte(`"`+quoted(value, false)+`"`)) {
			return
		}
		var mask Mask
		mask.Add(New(value))
		text := before + value + after
		if masked := mask.Text("text: " + text); !strings.Contains(text, "{") && !strings.Contains(text, "[") && strings.Contains(masked, value) {
			t.Errorf("%q became %q", text, masked)
		}
		document, err := json.Marshal(map[string]string{"message": text})
		if err != nil {
			t.Fatal(err)
		}
		var masked map[string]string
		if err := json.Unmarshal([]byte(mask.Text(string(document))), &masked); err != nil {
			t.Fatalf("%s became invalid: %v", document, err)
		}
		// JSON carries valid UTF-8 only, so there the value is what survived.
		if message, ok := masked["message"]; !ok || strings.Contains(message, strings.ToValidUTF8(value, "\ufffd")) && strings.ToValidUTF8(value, "") == value {
			t.Errorf("%s became %v", document, masked)
		}
	})
}
