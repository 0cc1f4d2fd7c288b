package main

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/neighbours"
)

// beside is one way to move some connectors out of a large cluster.
type beside struct {
	row
	// Clusters say which tasks of the connectors that stay stopped and started again.
	Clusters []event.Neighbours `json:"clusters"`
}

// besideOthers moves connectors out of clusters in which others stay, of one task each, and
// counts by the status topics which of those restart meanwhile and until all is quiet.
func (b *bench) besideOthers(ctx context.Context) ([]beside, error) {
	if err := b.startOthers(ctx); err != nil {
		return nil, err
	}
	var found []beside
	for n := range b.runs {
		for _, way := range []string{floorBarriers, ferryApply} {
			var one beside
			prefix := fmt.Sprintf("n%d-%s", n+1, way)
			measured, err := b.measured(ctx, way, prefix, b.moved, 0, func(names []string) func() {
				watch := new(neighbours.Watches).Begin(ctx, func(connector string) bool { return slices.Contains(names, connector) }, b.sides...)
				return func() { one.Clusters = watch.End() }
			})
			if err != nil {
				return found, fmt.Errorf("%s beside %d others: %w", way, b.others, err)
			}
			one.row, one.Run = measured, n+1
			fmt.Println(one.row, one.said())
			found = append(found, one)
		}
	}
	return found, nil
}

func (b beside) said() string {
	text := ""
	for _, of := range b.Clusters {
		text += fmt.Sprintf(" on %s %d restarted, %d unassigned, at most %d ms", of.Cluster, of.Restarted, of.Unassigned, of.LongestMS)
	}
	return text
}

// startOthers starts connectors that stay, the same number on both clusters, which send a
// record a second to one topic.
func (b *bench) startOthers(ctx context.Context) error {
	for _, of := range b.Connects() {
		var group errgroup.Group
		group.SetLimit(8)
		name := func(i int) string { return fmt.Sprintf("stays-on-%s-%03d", of.Name(), i) }
		for i := range b.others {
			group.Go(func() error {
				return retried(ctx, func(ctx context.Context) error { return of.Create(ctx, name(i), lab.NumberedSource("stays", 1, 1)) })
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		client := of.Client()
		for i := range b.others {
			err := b.await(ctx, name(i), func(ctx context.Context) (string, error) {
				status, err := client.Status(ctx, name(i))
				if err != nil {
					return err.Error(), nil // it may not be known yet
				}
				return status.Missing(connect.Running, 1), nil
			})
			if err != nil {
				return err
			}
		}
		fmt.Printf("%d connectors stay on %s\n", b.others, of.Name())
	}
	return nil
}
