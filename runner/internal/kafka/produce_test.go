package kafka

import "testing"

// One write that fails must not take the client away from another.
func TestAFailedWriterIsClosedByItsLastUser(t *testing.T) {
	var p producer
	acquire := func() *writer {
		t.Helper()
		used, err := p.acquire(nil)
		if err != nil {
			t.Fatal(err)
		}
		return used
	}
	closed := func(used *writer) bool { return used.kgo.Context().Err() != nil }
	first, second := acquire(), acquire()
	if first != second {
		t.Error("two writers at once")
	}
	p.release(first, true)
	if closed(second) {
		t.Error("it is closed while it is in use")
	}
	third := acquire()
	if third == second {
		t.Error("a writer that failed is used again")
	}
	p.release(second, false)
	if !closed(second) {
		t.Error("it stays open when nobody uses it any more")
	}
	p.release(third, false)
	if closed(third) || acquire() != third {
		t.Error("a writer that did not fail is not kept")
	}
	p.close()
	if !closed(third) {
		t.Error("it stays open after the end")
	}
}
