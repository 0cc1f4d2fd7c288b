package rawjson

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// Canonical returns a text that is equal for two JSON values exactly if they mean the
// same: members sorted by key, no white space, strings escaped in one way, numbers exact.
//
// An integer and a decimal of the same value stay different (1 and 1.0), since Connect
// gives a connector a Long for one and a Double for the other.
func (v Value) Canonical() string {
	var text strings.Builder
	writeCanonical(&text, v.result())
	return text.String()
}

// Equal reports whether a and b mean the same, see [Value.Canonical].
func Equal(a, b Value) bool { return a.Canonical() == b.Canonical() }

// SHA256 returns the hexadecimal hash of the canonical text.
func (v Value) SHA256() string {
	sum := sha256.Sum256([]byte(v.Canonical()))
	return hex.EncodeToString(sum[:])
}

func writeCanonical(text *strings.Builder, value gjson.Result) {
	switch {
	case value.IsObject():
		writeObject(text, value)
	case value.IsArray():
		text.WriteByte('[')
		for i, element := range value.Array() {
			if i > 0 {
				text.WriteByte(',')
			}
			writeCanonical(text, element)
		}
		text.WriteByte(']')
	case value.Type == gjson.String:
		text.WriteString(String(value.String()).text)
	case value.Type == gjson.Number:
		text.WriteString(canonicalNumber(value.Raw))
	case value.Raw == "":
		text.WriteString("null")
	default:
		text.WriteString(value.Raw)
	}
}

func writeObject(text *strings.Builder, object gjson.Result) {
	type member struct {
		key   string
		value gjson.Result
	}
	var few [8]member // most partitions and offsets have no more
	members := few[:0]
	object.ForEach(func(key, value gjson.Result) bool {
		members = append(members, member{key.String(), value})
		return true
	})
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.key, b.key) })
	text.WriteByte('{')
	for i, member := range members {
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(String(member.key).text)
		text.WriteByte(':')
		writeCanonical(text, member.value)
	}
	text.WriteByte('}')
}

// canonicalNumber writes an integer as it is, and a decimal as digits and a power of ten,
// so that 1.50, 1.5 and 15e-1 become the same text and no digit is lost.
func canonicalNumber(raw string) string {
	if !strings.ContainsAny(raw, ".eE") {
		if raw == "-0" {
			return "0"
		}
		return raw
	}
	mantissa, power, _ := strings.Cut(strings.ToLower(raw), "e")
	exponent, err := strconv.ParseInt(cmp.Or(power, "0"), 10, 32)
	if err != nil {
		// Beyond any number that Connect can hold: equal only to itself.
		return raw
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	exponent -= int64(len(fraction))
	significant := strings.TrimRight(digits, "0")
	exponent += int64(len(digits) - len(significant))
	if significant == "" {
		return "0e0"
	}
	sign := ""
	if strings.HasPrefix(mantissa, "-") {
		sign = "-"
	}
	return sign + significant + "e" + strconv.FormatInt(exponent, 10)
}
