// Prints what the propagators of OpenTelemetry's Go SDK inject, and what they extract from our headers.
package main

import (
	"context"
	"encoding/json"
	"os"
	"sort"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

type span struct {
	TraceID string `json:"traceId"`
	SpanID  string `json:"spanId"`
	Flags   byte   `json:"flags"`
}

type input struct {
	What       string            `json:"what"`
	Span       *span             `json:"span"`
	Tracestate [][2]string       `json:"tracestate"`
	Baggage    [][]any           `json:"baggage"`
	Headers    map[string]string `json:"headers"`
}

type injected struct {
	What    string                 `json:"what"`
	Refused []string               `json:"refused,omitempty"`
	Headers propagation.MapCarrier `json:"headers"`
}

type extracted struct {
	What       string            `json:"what"`
	Headers    map[string]string `json:"headers"`
	Span       *span             `json:"span,omitempty"`
	Tracestate [][2]string       `json:"tracestate,omitempty"`
	Baggage    [][]any           `json:"baggage"`
}

var propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})

func main() {
	out := map[string]any{"sdk": "go.opentelemetry.io/otel (Go)", "version": otel.Version()}
	var ins []injected
	for _, c := range read("../contexts.json") {
		ins = append(ins, inject(c))
	}
	var outs []extracted
	for _, c := range read("../ours.json") {
		outs = append(outs, extract(c))
	}
	out["injected"], out["extracted"] = ins, outs
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	must(encoder.Encode(out))
}

func inject(c input) injected {
	result := injected{What: c.What, Headers: propagation.MapCarrier{}}
	refuse := func(err error) {
		if err != nil {
			result.Refused = append(result.Refused, err.Error())
		}
	}
	ctx := context.Background()
	if c.Span != nil {
		ctx = trace.ContextWithSpanContext(ctx, spanContext(c, refuse))
	}
	var members []baggage.Member
	for _, m := range c.Baggage {
		var properties []baggage.Property
		if len(m) == 3 {
			properties = propertiesOf(m[2].([]any), refuse)
		}
		member, err := baggage.NewMemberRaw(m[0].(string), m[1].(string), properties...)
		refuse(err)
		members = append(members, member)
	}
	bag, err := baggage.New(members...)
	refuse(err)
	propagator.Inject(baggage.ContextWithBaggage(ctx, bag), result.Headers)
	return result
}

func spanContext(c input, refuse func(error)) trace.SpanContext {
	traceID, err := trace.TraceIDFromHex(c.Span.TraceID)
	must(err)
	spanID, err := trace.SpanIDFromHex(c.Span.SpanID)
	must(err)
	state := trace.TraceState{}
	for i := len(c.Tracestate) - 1; i >= 0; i-- {
		next, err := state.Insert(c.Tracestate[i][0], c.Tracestate[i][1])
		refuse(err)
		state = next
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: traceID, SpanID: spanID, TraceFlags: trace.TraceFlags(c.Span.Flags), TraceState: state,
	})
}

func propertiesOf(list []any, refuse func(error)) (properties []baggage.Property) {
	for _, each := range list {
		parts := each.([]any)
		var property baggage.Property
		var err error
		if len(parts) == 1 {
			property, err = baggage.NewKeyProperty(parts[0].(string))
		} else {
			property, err = baggage.NewKeyValuePropertyRaw(parts[0].(string), parts[1].(string))
		}
		refuse(err)
		properties = append(properties, property)
	}
	return properties
}

func extract(c input) extracted {
	ctx := propagator.Extract(context.Background(), propagation.MapCarrier(c.Headers))
	result := extracted{What: c.What, Headers: c.Headers, Baggage: [][]any{}}
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		result.Span = &span{sc.TraceID().String(), sc.SpanID().String(), byte(sc.TraceFlags())}
		sc.TraceState().Walk(func(key, value string) bool {
			result.Tracestate = append(result.Tracestate, [2]string{key, value})
			return true
		})
	}
	members := baggage.FromContext(ctx).Members()
	sort.Slice(members, func(i, j int) bool { return members[i].Key() < members[j].Key() })
	for _, m := range members {
		member := []any{m.Key(), m.Value()}
		var properties [][]string
		for _, p := range m.Properties() {
			if value, has := p.Value(); has {
				properties = append(properties, []string{p.Key(), value})
			} else {
				properties = append(properties, []string{p.Key()})
			}
		}
		if properties != nil {
			member = append(member, properties)
		}
		result.Baggage = append(result.Baggage, member)
	}
	return result
}

func read(name string) (cases []input) {
	text, err := os.ReadFile(name)
	must(err)
	must(json.Unmarshal(text, &cases))
	return cases
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
