package cli

import ucli "github.com/urfave/cli/v2"

const clustersVariable = "FERRY_CLUSTERS"

func commonFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringFlag{Name: "clusters", Usage: "clusters `FILE`, YAML or JSON (schemas/clusters.schema.json)", EnvVars: []string{clustersVariable}},
		&ucli.StringFlag{Name: "request", Usage: "JSON `FILE` with the flags of this command under the same names, _ for -"},
		&ucli.StringFlag{Name: "output", Value: "text", Usage: "`FORMAT` of the output: text, json or kestra"},
		&ucli.StringFlag{Name: "result", Usage: "write the result document to `FILE` (schemas/result.schema.json)"},
	}
}

func pairFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringFlag{Name: "origin", Usage: "`CLUSTER` the connector moves from"},
		&ucli.StringFlag{Name: "target", Usage: "`CLUSTER` it moves to"},
		&ucli.StringSliceFlag{Name: "connector", Usage: "`NAME` of a connector; repeat it for several"},
		&ucli.StringSliceFlag{Name: "rename", Usage: "`OLD=NEW` name on the target"},
		&ucli.IntFlag{Name: "concurrency", Value: defaultConcurrency, Usage: "how many connectors at a time"},
	}
}

func singleFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringFlag{Name: "cluster", Usage: "`CLUSTER` of the connector"},
		&ucli.StringSliceFlag{Name: "connector", Usage: "`NAME` of the connector"},
	}
}

func changeFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringSliceFlag{Name: "set", Usage: "`KEY=VALUE` to set in the copy's config; repeat it for several"},
		&ucli.StringSliceFlag{Name: "unset", Usage: "`KEY` to leave out of the copy's config"},
		&ucli.BoolFlag{Name: "overwrite", Usage: "replace a stopped connector of that name on the target that is not a copy of this one"},
	}
}

func proofFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringFlag{Name: "timeout", Value: "1m", Usage: "longest `TIME` for the tasks to pause (one poll) and to end"},
		&ucli.StringFlag{Name: "proof", Value: "auto", Usage: "`KIND` of proof: hard (from Kafka), timed (REST alone) or auto, the best there is"},
		&ucli.BoolFlag{Name: "allow-duplicates", Usage: "go on without a proof; records may be sent again"},
	}
}

func copyFlag() ucli.Flag {
	return &ucli.StringFlag{
		Name: "copy", Value: "auto", Usage: "`WAY` of the offsets: rest, raw (as records of the offsets topics, byte for byte) or auto, rest where it can",
	}
}

func sameLogFlag() ucli.Flag {
	return &ucli.BoolFlag{Name: "same-log", Usage: "state that a sink's topics are the same on both Kafka clusters, record for record and offset for offset"}
}

// moveFlags are of what is decided once for a move, and asked for by its check too.
func moveFlags() []ucli.Flag {
	return append(changeFlags(), copyFlag(),
		sameLogFlag(),
		&ucli.BoolFlag{Name: "other-kafka", Usage: "accept that a source's records go to the target's Kafka, which is another"},
		&ucli.BoolFlag{Name: "at-least-once", Usage: "accept that the copy of an exactly-once source is only at-least-once on the target, or that a sink on another Kafka sends records again, as MirrorMaker's checkpoints have it"},
	)
}
