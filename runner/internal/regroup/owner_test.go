package regroup

import (
	"fmt"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson/rawjsontest"
)

// TestOwner says which partitions are those of a config.
func TestOwner(t *testing.T) {
	const mirror, jdbc = `"connector.class":"org.apache.kafka.connect.mirror.MirrorSourceConnector"`, `"connector.class":"io.aiven.connect.jdbc.JdbcSourceConnector"`
	for name, test := range map[string]struct {
		config, partition string
		sink, want        bool
	}{
		"a topic":                  {config: mirror + `,"topics":"a, b"`, partition: `{"cluster":"x","partition":0,"topic":"b"}`, want: true},
		"another topic":            {config: mirror + `,"topics":"a, b"`, partition: `{"cluster":"x","partition":0,"topic":"ab"}`},
		"a pattern":                {config: mirror + `,"topics":"a,orders\\..*"`, partition: `{"topic":"orders.eu"}`, want: true},
		"a pattern of either":      {config: mirror + `,"topics":"a|b"`, partition: `{"topic":"b"}`, want: true},
		"a pattern, whole":         {config: mirror + `,"topics":"orders"`, partition: `{"topic":"orders.eu"}`},
		"left out":                 {config: mirror + `,"topics":".*","topics.exclude":"x, orders\\..*"`, partition: `{"topic":"orders.eu"}`},
		"left out, both ways":      {config: mirror + `,"topics":".*","topics.exclude":"a","topics.blacklist":"b"`, partition: `{"topic":"a"}`},
		"left out, the old way":    {config: mirror + `,"topics":".*","topics.blacklist":"b"`, partition: `{"topic":"b"}`},
		"no topic":                 {config: mirror + `,"topics":".*"`, partition: `{"partition":0}`},
		"a table":                  {config: jdbc + `,"table.whitelist":"orders,payments"`, partition: `{"protocol":"1","table":"payments"}`, want: true},
		"a table with its schema":  {config: jdbc + `,"table.whitelist":"orders"`, partition: `{"table":"shop.public.orders"}`, want: true},
		"a table, part of a name":  {config: jdbc + `,"table.whitelist":"orders"`, partition: `{"table":"old_orders"}`},
		"a table, part of a path":  {config: jdbc + `,"table.whitelist":"public.orders"`, partition: `{"table":"shop.public.orders"}`, want: true},
		"a table in quotes":        {config: jdbc + `,"table.whitelist":"\"public\".\"orders\""`, partition: `{"table":"public.orders"}`, want: true},
		"a table in backticks":     {config: jdbc + ",\"table.whitelist\":\"`orders`\"", partition: `{"table":"shop.orders"}`, want: true},
		"the newer name of a list": {config: jdbc + `,"table.include.list":"orders"`, partition: `{"table":"orders"}`, want: true},
		"a sink's topic":           {config: `"connector.class":"S","topics":"a,b"`, partition: `{"kafka_topic":"b","kafka_partition":0}`, sink: true, want: true},
		"a sink's other topic":     {config: `"connector.class":"S","topics":"a,b"`, partition: `{"kafka_topic":"c","kafka_partition":0}`, sink: true},
		"a sink's expression":      {config: `"connector.class":"S","topics.regex":"a{1,2}"`, partition: `{"kafka_topic":"aa","kafka_partition":0}`, sink: true, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			config := rawjsontest.Object(t, "{"+test.config+"}")
			list, known := family.ListOf(config, test.sink)
			if !known {
				t.Fatal("no list is known")
			}
			owner, err := ownerOf(list, config)
			if err != nil {
				t.Fatal(err)
			}
			if got := owner.owns(rawjsontest.Object(t, test.partition).Value()); got != test.want {
				t.Errorf("owns it: %t", got)
			}
		})
	}
	for name, config := range map[string]string{
		"a JDBC source of all tables": jdbc, "with a query": jdbc + `,"query":"select 1"`, "of one server": `"connector.class":"io.debezium.connector.mysql.MySqlConnector","topic.prefix":"x"`,
	} {
		if list, known := family.ListOf(rawjsontest.Object(t, "{"+config+"}"), false); known {
			t.Errorf("%s lists its %s", name, list.Setting)
		}
	}
	for _, text := range []string{"(?<!x)a", "[a-z&&[^b]]", "[a[bc]]"} {
		if _, err := ownerOf(family.List{Setting: "topics", Field: "topic", Form: family.Patterns}, rawjsontest.Object(t, `{"topics":"`+text+`"}`)); err == nil {
			t.Errorf("%s, which Go does not know or reads in another way, is taken", text)
		}
	}
}

// TestBoth says what two connectors both list.
func TestBoth(t *testing.T) {
	const mirror, jdbc = `{"connector.class":"org.apache.kafka.connect.mirror.MirrorSourceConnector","topics":"%s"}`, `{"connector.class":"io.aiven.connect.jdbc.JdbcSourceConnector","table.whitelist":"%s"}`
	for name, test := range map[string]struct {
		kind, ours, theirs string
		want               bool
	}{
		"a topic":                 {mirror, "a,b", "b,c", true},
		"others":                  {mirror, "a,b", "c,d", false},
		"a topic and a pattern":   {mirror, "orders.eu", "x,orders.*", true},
		"two patterns":            {mirror, "[ab]x", "..x", false}, // only what they find tells
		"a table":                 {jdbc, "orders", "payments,orders", true},
		"a table and its schema":  {jdbc, "orders", "public.orders", true},
		"a name in two schemas":   {jdbc, "sales.orders", "public.orders", true},
		"a table in quotes":       {jdbc, `\"public\".\"orders\"`, "public.orders", true},
		"tables of another names": {jdbc, "orders", "old_orders", false},
	} {
		t.Run(name, func(t *testing.T) {
			of := func(listed string) owner {
				config := rawjsontest.Object(t, fmt.Sprintf(test.kind, listed))
				list, _ := family.ListOf(config, false)
				o, err := ownerOf(list, config)
				if err != nil {
					t.Fatal(err)
				}
				return o
			}
			ours, theirs := of(test.ours), of(test.theirs)
			if got := ours.both(theirs) + theirs.both(ours); (got != "") != test.want {
				t.Errorf("both list %q", got)
			}
		})
	}
}
