package secret

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
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
		"Jackson":           {[]string{"a\x1fb\"c=d"}, `body: {"p":"a\u001Fb\"c=d"}`, `body: {"p":"***"}`},
		"Gson":              {[]string{"it's=<x>"}, `body: {"p":"it\u0027s\u003d\u003cx\u003E"}`, `body: {"p":"***"}`},
		"ASCII JSON":        {[]string{"pässwörd😀"}, `body: {"p":"p\u00e4ssw\u00F6rd\ud83d\ude00"}`, `body: {"p":"***"}`},
		"escaped slash":     {[]string{"a/b/c"}, `body: {"p":"a\/b\/c"}`, `body: {"p":"***"}`},
		"HTML":              {[]string{`a<b>&"c'd`}, `<p>a&lt;b&gt;&amp;&quot;c&#39;d</p> a&lt;b&gt;&#38;&#x22;c'd`, `<p>***</p> ***`},
		"all of a URL":      {[]string{"pa ss"}, "http://x/%70%61%20%73s", "http://x/***"},
		"one line":          {[]string{"two\n  words"}, "bad: two words!", "bad: ***!"},
		"two lines":         {[]string{"two words"}, "bad: two\n\twords!", "bad: ***!"},
		"one line, JSON":    {[]string{"two\nwords"}, `bad: "two\n\nwords"`, `bad: "***"`},
		"blanks":            {[]string{"     "}, "a b", "a b"},
		"short line":        {[]string{"a \n b"}, "a b", "a b"},
		"broken escapes":    {[]string{"abcd"}, `\u12 \x %4 & &# \ud83d\u abcd\`, `\u12 \x %4 & &# \ud83d\u ***\`},
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

// FuzzMask escapes a secret as other programs do and looks for it in the masked text.
func FuzzMask(f *testing.F) {
	f.Add(planted, "before ", " after")
	f.Add("connect", `{"connector":"`, `"}`)
	f.Add("ab\nab", "", "ab\nab\nab")
	f.Add("two  words", `\u00`, "%2")
	f.Add("aaaa", "aaa", "aaa")
	f.Add("a%41&amp;", "&", ";")
	f.Fuzz(func(t *testing.T, value, before, after string) {
		// A star could join the mask to what stands beside it; such a value may reappear.
		if len(value) < shortest || isWord(value) || strings.Contains(value, "*") || !utf8.ValidString(value) {
			return
		}
		var mask Mask
		mask.Add(New(value))
		quotedJSON := quoted(value, true)
		for how, written := range map[string]string{
			"plain": value, "JSON": quoted(value, false), "HTML in JSON": quotedJSON, "JSON twice": quoted(quoted(value, false), false),
			"Go": unquoted(strconv.Quote(value)), "ASCII": unquoted(strconv.QuoteToASCII(value)), "HTML": html.EscapeString(value),
			"query": url.QueryEscape(value), "path": url.PathEscape(value), "every byte": everyByte(value),
			"base64": base64.StdEncoding.EncodeToString([]byte(value)),
		} {
			text := "text: " + before + written + after
			masked := mask.Text(text)
			// In a document keys and numbers are left as they are.
			isText := !strings.ContainsAny(text, "{[")
			if isText && strings.Contains(masked, written) && !strings.Contains(hidden, written) {
				t.Errorf("%s: %q became %q", how, text, masked)
			}
			if isText && masked == text {
				t.Errorf("%s: %q was not masked", how, text)
			}
		}
		if line := oneLine(value); len(line) >= shortest {
			text := "text: " + before + line + after
			if masked := mask.Text(text); !strings.ContainsAny(text, "{[") && strings.Contains(masked, line) {
				t.Errorf("on one line: %q became %q", text, masked)
			}
		}
		text := before + value + after
		document, err := json.Marshal(map[string]string{"message": text})
		if err != nil {
			t.Fatal(err)
		}
		var masked map[string]string
		if err := json.Unmarshal([]byte(mask.Text(string(document))), &masked); err != nil {
			t.Fatalf("%s became invalid: %v", document, err)
		}
		// JSON carries valid UTF-8 only, so there the value is what survived.
		if message, ok := masked["message"]; !ok || strings.Contains(message, value) {
			t.Errorf("%s became %v", document, masked)
		}
	})
}

func unquoted(text string) string { return text[1 : len(text)-1] }

func everyByte(text string) string {
	var out strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&out, "%%%02x", text[i])
	}
	return out.String()
}
