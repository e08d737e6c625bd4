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

// A printer prints spans, each below its parent, with its events among its children.
type printer struct {
	spans    tracetest.SpanStubs
	began    time.Time
	table    table.Writer
	coloured bool
}

func show(out io.Writer, spans tracetest.SpanStubs) error {
	if len(spans) == 0 {
		return nil
	}
	spans = slices.Clone(spans)
	slices.SortStableFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	p := &printer{spans: spans, began: spans[0].StartTime, table: console.NewTable(map[int]int{1: 54}), coloured: console.Colours(out)}
	p.table.AppendHeader(table.Row{"span", "status", "at", "took"})
	p.below(trace.SpanID{}, 0)
	_, err := fmt.Fprintln(out, p.table.Render())
	return err
}

func (p *printer) below(parent trace.SpanID, depth int) {
	for _, span := range p.spans {
		if span.Parent.SpanID() != parent {
			continue
		}
		p.events(parent, span.StartTime, depth)
		status := value(span.Attributes, "http.response.status_code")
		if span.Status.Code == codes.Error {
			status = value(span.Attributes, "error.type")
			if p.coloured {
				status = text.FgRed.Sprint(status)
			}
		}
		p.row(depth, span.Name, status, span.StartTime, span.EndTime.Sub(span.StartTime))
		p.below(span.SpanContext.SpanID(), depth+1)
	}
	p.events(parent, time.Now(), depth)
}

// events prints what happened in a span before a time, and is not printed yet.
func (p *printer) events(id trace.SpanID, before time.Time, depth int) {
	for i := range p.spans {
		span := &p.spans[i]
		for span.SpanContext.SpanID() == id && len(span.Events) > 0 && span.Events[0].Time.Before(before) {
			event := span.Events[0]
			span.Events = span.Events[1:]
			seconds, _ := strconv.ParseFloat(value(event.Attributes, "gitlab.wait.seconds"), 64)
			name := fmt.Sprintf("· %s: %s", event.Name, value(event.Attributes, "gitlab.wait.reason"))
			p.row(depth, name, "", event.Time, time.Duration(seconds*float64(time.Second)))
		}
	}
}

func (p *printer) row(depth int, name, status string, at time.Time, took time.Duration) {
	name = strings.Repeat("  ", depth) + console.Printable(name)
	p.table.AppendRow(table.Row{name, status, millis(at.Sub(p.began)), millis(took)})
}

func millis(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

func value(attributes []attribute.KeyValue, key attribute.Key) string {
	for _, one := range attributes {
		if one.Key == key {
			return one.Value.String()
		}
	}
	return ""
}
