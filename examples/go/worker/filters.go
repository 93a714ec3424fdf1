package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// filters reads a comma list; `image.*` means `image.>`, as for workers in Node.
func filters(written string) (all []string) {
	for name := range strings.SplitSeq(written, ",") {
		name = strings.TrimSpace(name)
		if before, isAll := strings.CutSuffix(name, "*"); isAll {
			name = before + ">"
		}
		all = append(all, name)
	}
	return all
}

// subjects are the filters of the consumer of a lane. That for all operations has a spelling of its own.
func (w *worker) subjects(priority, lane string) (all []string) {
	for _, filter := range w.filters {
		if filter != ">" {
			filter = "*.*." + filter
		}
		all = append(all, fmt.Sprintf("jobs.%s.%s.%s", priority, lane, filter))
	}
	return all
}

// takes says whether a consumer has these filters, in any order.
func takes(config jetstream.ConsumerConfig, subjects []string) bool {
	there := config.FilterSubjects
	if len(there) == 0 {
		there = []string{config.FilterSubject}
	}
	return slices.Equal(slices.Sorted(slices.Values(there)), slices.Sorted(slices.Values(subjects)))
}
