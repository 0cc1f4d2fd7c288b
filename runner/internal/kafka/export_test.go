package kafka

// What the tests of package kafka_test, which look at a lab with package discover, share
// with those of this package.
var (
	OpenLab          = open
	NewTopic         = newTopic
	CompactedConfigs = compacted
	Put              = put
	Text             = text
	SinkOffsets      = sinkOffsets
	AwaitStatus      = awaitStatus
	Exact            = exact
	Limited          = limited
	Allow            = allow
	Becomes          = becomes
)
