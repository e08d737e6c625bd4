package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"example.com/gitlabci/examples/internal/console"
)

// A line is a span or one of its events.
type line struct {
	id, parent   trace.SpanID // an event has no ID
	name, status string
	at           time.Time
	took         time.Duration
}

// lines are all spans and events, the first one first.
func lines(spans tracetest.SpanStubs, colored bool) []line {
	var all []line
	for _, span := range spans {
		status := value(span.Attributes, "http.response.status_code")
		if span.Status.Code == codes.Error {
			status = value(span.Attributes, "error.type")
			if colored {
				status = text.FgRed.Sprint(status)
			}
		}
		id := span.SpanContext.SpanID()
		all = append(all, line{id, span.Parent.SpanID(), span.Name, status, span.StartTime, span.EndTime.Sub(span.StartTime)})
		for _, event := range span.Events {
			seconds, _ := strconv.ParseFloat(value(event.Attributes, "gitlab.wait.seconds"), 64) // our own
			name := fmt.Sprintf("· %s: %s", event.Name, value(event.Attributes, "gitlab.wait.reason"))
			all = append(all, line{parent: id, name: name, at: event.Time, took: time.Duration(seconds * float64(time.Second))})
		}
	}
	slices.SortStableFunc(all, func(a, b line) int { return a.at.Compare(b.at) })
	return all
}

// show prints spans, each below its parent.
func show(out io.Writer, spans tracetest.SpanStubs) error {
	all := lines(spans, console.WantsColors(out))
	t := console.NewTable(map[int]int{1: 54})
	t.AppendHeader(table.Row{"span", "status", "at", "took"})
	var add func(parent trace.SpanID, depth int)
	add = func(parent trace.SpanID, depth int) {
		for _, one := range all {
			if one.parent != parent {
				continue
			}
			name := strings.Repeat("  ", depth) + console.Printable(one.name)
			t.AppendRow(table.Row{name, one.status, millis(one.at.Sub(all[0].at)), millis(one.took)})
			if one.id.IsValid() {
				add(one.id, depth+1)
			}
		}
	}
	add(trace.SpanID{}, 0)
	_, err := fmt.Fprintln(out, t.Render())
	return err
}

func millis(d time.Duration) string { return fmt.Sprintf("%4d ms", d.Milliseconds()) }

func value(attributes []attribute.KeyValue, key attribute.Key) string {
	for _, one := range attributes {
		if one.Key == key {
			return one.Value.String()
		}
	}
	return ""
}
