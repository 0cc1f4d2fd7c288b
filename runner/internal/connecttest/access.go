package connecttest

import "context"

// Access is one call of a client of Kafka: of an [OffsetTopic], a [ConfigTopic], a
// [Fencer] or of the groups.
type Access struct {
	Verb string // "read offsets", "write offsets", "write target state", "describe group", "read group", "commit group", "list topics", "fence", "read mirror"
	Name string // of the topic, the connector (target state, fence) or the group; "" for a list
}

// Writes reports whether the call changes something.
func (a Access) Writes() bool {
	switch a.Verb {
	case "write offsets", "write target state", "commit group", "fence":
		return true
	}
	return false
}

// AccessInterceptor gets each access before it is carried out, which do does. To
// lose a request it returns an error without a call of do, to lose an answer
// after one.
type AccessInterceptor func(ctx context.Context, access Access, do func() error) error

// Intercept sets the interceptor of what clients ask of this Kafka, nil for none.
// What Connect's workers do is not asked.
func (k *Kafka) Intercept(interceptor AccessInterceptor) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.intercept = interceptor
}

// access carries out do with the mutex held.
func (k *Kafka) access(ctx context.Context, access Access, do func() error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	k.mu.Lock()
	intercept := k.intercept
	k.mu.Unlock()
	locked := func() error {
		k.mu.Lock()
		defer k.mu.Unlock()
		return do()
	}
	if intercept == nil {
		return locked()
	}
	return intercept(ctx, access, locked)
}
