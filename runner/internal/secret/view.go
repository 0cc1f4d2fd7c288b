package secret

import (
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// span is a part of a text, by byte offsets.
type span struct{ from, to int }

// view is a decoded text that knows where each of its bytes comes from. Programs escape
// what they quote in more ways than can be listed: all characters or only some, in upper
// or lower case, once or twice. So secrets are searched for in the decoded text.
type view struct {
	text string
	from []span // of each byte of text, in the original
}

func plainView(text string) view {
	from := make([]span, len(text))
	for i := range from {
		from[i] = span{i, i + 1}
	}
	return view{text, from}
}

// decoder decodes the escape at the beginning of a text. length is that of the escape, 0
// if there is none.
type decoder func(text string) (meaning string, length int)

func (v view) decoded(decode decoder) view {
	var out strings.Builder
	from := make([]span, 0, len(v.from))
	for at := 0; at < len(v.text); {
		meaning, length := decode(v.text[at:])
		if length == 0 {
			meaning, length = v.text[at:at+1], 1
		}
		whole := span{v.from[at].from, v.from[at+length-1].to}
		out.WriteString(meaning)
		for range len(meaning) {
			from = append(from, whole)
		}
		at += length
	}
	return view{out.String(), from}
}

// find returns where the value is in the original.
func (v view) find(value string) []span {
	var spans []span
	for at := 0; ; {
		found := strings.Index(v.text[at:], value)
		if found < 0 {
			return spans
		}
		at += found + 1
		spans = append(spans, span{v.from[at-1].from, v.from[at-2+len(value)].to})
	}
}

var simpleEscapes = map[byte]string{
	'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v", '"': `"`, '\'': "'", '/': "/", '\\': `\`,
}

// backslashes decodes the escapes of JSON, Java and Go.
func backslashes(text string) (meaning string, length int) {
	if len(text) < 2 || text[0] != '\\' {
		return "", 0
	}
	if simple, ok := simpleEscapes[text[1]]; ok {
		return simple, 2
	}
	switch text[1] {
	case 'x':
		if code, ok := digits(text, 2, 2); ok {
			return string([]byte{byte(code)}), 4
		}
	case 'U':
		if code, ok := digits(text, 2, 8); ok {
			return string(rune(code)), 10
		}
	case 'u':
		first, ok := digits(text, 2, 4)
		if !ok {
			return "", 0
		}
		if strings.HasPrefix(text[6:], `\u`) {
			if second, ok := digits(text, 8, 4); ok {
				if both := utf16.DecodeRune(rune(first), rune(second)); both != utf8.RuneError {
					return string(both), 12
				}
			}
		}
		return string(rune(first)), 6
	}
	return "", 0
}

// percents decodes the escapes of URLs.
func percents(text string) (meaning string, length int) {
	if text[0] != '%' {
		return "", 0
	}
	if code, ok := digits(text, 1, 2); ok {
		return string([]byte{byte(code)}), 3
	}
	return "", 0
}

func digits(text string, from, count int) (code uint64, ok bool) {
	if len(text) < from+count {
		return 0, false
	}
	code, err := strconv.ParseUint(text[from:from+count], 16, 31)
	return code, err == nil && !strings.ContainsAny(text[from:from+count], "+-_")
}

// longestEntity bounds the search for the end of an entity.
const longestEntity = 12

// entities decodes the entities of HTML.
func entities(text string) (meaning string, length int) {
	if text[0] != '&' {
		return "", 0
	}
	end := strings.IndexByte(text[:min(len(text), longestEntity)], ';')
	if end < 0 {
		return "", 0
	}
	entity := text[:end+1]
	if meaning = html.UnescapeString(entity); meaning == entity {
		return "", 0
	}
	return meaning, end + 1
}

// blanks decodes any white space as one blank, as printers do that write one line.
func blanks(text string) (meaning string, length int) {
	rest := strings.TrimLeftFunc(text, unicode.IsSpace)
	if length = len(text) - len(rest); length == 0 {
		return "", 0
	}
	return " ", length
}

// occurrences returns where the values are in a text, however they are escaped.
func occurrences(text string, values []string) []span {
	original := plainView(text)
	views := []view{original}
	if strings.ContainsRune(text, '\\') {
		once := original.decoded(backslashes)
		views = append(views, once)
		if strings.ContainsRune(once.text, '\\') {
			views = append(views, once.decoded(backslashes)) // JSON within JSON
		}
	}
	if strings.ContainsRune(text, '%') {
		views = append(views, original.decoded(percents))
	}
	if strings.ContainsRune(text, '&') {
		views = append(views, original.decoded(entities))
	}
	var spans []span
	for _, read := range views {
		line := read.decoded(blanks)
		for _, value := range values {
			spans = append(spans, read.find(value)...)
			if short := oneLine(value); strings.ContainsFunc(value, unicode.IsSpace) && len(short) >= shortest {
				spans = append(spans, line.find(short)...)
			}
		}
	}
	return spans
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
