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
