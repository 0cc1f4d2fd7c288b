package config

import (
	"slices"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson/rawjsontest"
)

// TestCopy: a copy has what was asked for, no mark, and every other setting to the digit.
func TestCopy(t *testing.T) {
	origin := WithBackState(rawjsontest.Object(t, `{"name":"orders","topic.prefix":"a","big":"12345678901234567890","drop":"x"}`), "RUNNING")
	got := Copy(origin, "orders-2", map[string]string{"topic.prefix": "b", "new": "n"}, []string{"drop", "absent"})
	want := rawjsontest.Object(t, `{"name":"orders-2","topic.prefix":"b","big":"12345678901234567890","new":"n"}`)
	if !rawjson.Equal(got.Value(), want.Value()) {
		t.Errorf("got %s", got.Value())
	}
	if differing := Differing(origin, got); !slices.Equal(differing, []string{"drop", backStateKey, "name", "new", "topic.prefix"}) {
		t.Errorf("differs in %q", differing)
	}
}

func TestMarks(t *testing.T) {
	plain := rawjsontest.Object(t, `{"name":"orders"}`)
	marked := WithBackState(WithKeepState(plain, Idle), "PAUSED")
	if KeepState(marked) != Idle || BackState(marked) != "PAUSED" || KeepState(plain) != "" || BackState(plain) != "" {
		t.Errorf("marked %s", marked.Value())
	}
	if !rawjson.Equal(WithoutMarks(marked).Value(), plain.Value()) {
		t.Errorf("without marks %s", WithoutMarks(marked).Value())
	}
}

func TestMasked(t *testing.T) {
	settings := rawjsontest.Object(t, `{"a":"****","b":"[hidden]","c":"**","d":"${file:/x:y}","e":""}`)
	if got := Masked(settings); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("masked %q", got)
	}
}

func TestWhatAMoveDependsOn(t *testing.T) {
	settings := rawjsontest.Object(t, `{"connector.class":"X","topics":"a, b,c","offsets.storage.topic":"own","consumer.override.group.id":"g","producer.override.linger.ms":"3000"}`)
	if Class(settings) != "X" || OwnTopic(settings) != "own" || Group("orders", settings) != "g" || !slices.Equal(Topics(settings), []string{"a", "b", "c"}) {
		t.Errorf("read of %s", settings.Value())
	}
	if Linger(settings) != 3*time.Second || Linger(rawjsontest.Object(t, `{"producer.override.linger.ms":"999"}`)) != 0 || Linger(rawjsontest.Object(t, `{"producer.override.linger.ms":"x"}`)) != 0 {
		t.Error("linger")
	}
	if got := Group("orders", rawjsontest.Object(t, `{}`)); got != "connect-orders" {
		t.Errorf("group %s", got)
	}
}
