package kafka

import "testing"

func TestParseSync(t *testing.T) {
	key := "\x00\x06orders\x00\x00\x00\x07"
	value := "\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x01"
	got, err := parseSync([]byte(key), []byte(value))
	if want := (OffsetSync{Topic: "orders", Partition: 7, Upstream: 256, Downstream: 513}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for name, broken := range map[string][2]string{
		"empty":       {"", ""},
		"short name":  {"\x00\x09orders\x00\x00\x00\x07", value},
		"short value": {key, value[1:]},
		"more":        {key + "\x00", value},
	} {
		if got, err := parseSync([]byte(broken[0]), []byte(broken[1])); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}
