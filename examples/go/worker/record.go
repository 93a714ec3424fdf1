package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
)

const sequenceHeader = "Nats-Expected-Last-Subject-Sequence"

// append writes an event after the job's last one. It returns the body; nil if another event is there already.
func (d *delivery) append(kind string, e event) ([]byte, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	span := d.span.SpanContext()
	e.Kind, e.JobID, e.Operation, e.Worker = kind, d.job.id, d.job.operation, d.name
	e.Attempt, e.MaxAttempts, e.Released = d.number, d.max, d.released
	e.AcceptedAt, e.StartedAt, e.At = d.job.acceptedAt, d.startedAt, time.Now().UTC().Format(timeFormat)
	e.TraceID, e.SpanID = span.TraceID().String(), span.SpanID().String()
	e.repeat(d.job)
	data, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	message := d.cloudEvent("events."+d.job.path, data, kind, d.idOf(e), e.At)
	message.Header.Set("Nats-Msg-Id", d.idOf(e))
	message.Header.Set(sequenceHeader, fmt.Sprint(d.sequence))
	setSummary(message.Header, e)
	ack, err := d.js.PublishMsg(d.ctx, message)
	var refused *jetstream.APIError
	if errors.As(err, &refused) && (refused.ErrorCode == 10071 || refused.ErrorCode == 10164) {
		return nil, nil // wrong last sequence
	}
	if err != nil || ack.Duplicate {
		return nil, err
	}
	d.sequence = ack.Sequence
	return data, nil
}

// setSummary repeats in the headers what the body says, for readers of headers only.
func setSummary(headers nats.Header, e event) {
	all := map[string]string{
		"throughline-operation":          e.Operation,
		"throughline-attempt":            fmt.Sprint(e.Attempt),
		"throughline-max-attempts":       fmt.Sprint(e.MaxAttempts),
		"throughline-accepted-at":        e.AcceptedAt,
		"throughline-started-at":         e.StartedAt,
		"throughline-trace-id":           e.TraceID,
		"throughline-tags":               strings.Join(e.Tags, ","),
		"throughline-previous-trace-ids": strings.Join(e.PreviousTraceIDs, ","),
	}
	if e.Error != nil {
		all["throughline-error-code"] = e.Error.Code
	}
	if e.RedriveCount > 0 {
		all["throughline-redrive-count"] = fmt.Sprint(e.RedriveCount)
	}
	for name, value := range all {
		if value != "" {
			headers.Set(name, value)
		}
	}
}

func (d *delivery) idOf(e event) string {
	switch {
	case slices.Contains(ends, e.Kind):
		return d.job.id + ":end" + d.job.suffix
	case e.Kind == "progress":
		return fmt.Sprintf("%s:%d:progress:%s%s", d.job.id, e.Attempt, e.At, d.job.suffix)
	}
	return fmt.Sprintf("%s:%d:%d:%s%s", d.job.id, e.Attempt, e.Released, e.Kind, d.job.suffix)
}

func (d *delivery) cloudEvent(subject string, data []byte, kind, id, at string) *nats.Msg {
	message := nats.NewMsg(subject)
	message.Data = data
	// HeaderCarrier would write `Traceparent`. All readers take it, but the page writes these names in lower case.
	carrier := propagation.MapCarrier(map[string]string{
		"ce-specversion": "1.0",
		"ce-id":          id,
		"ce-source":      "/" + d.name,
		"ce-type":        "dev.throughline.job." + kind,
		"ce-time":        at,
		"content-type":   "application/json",
	})
	otel.GetTextMapPropagator().Inject(d.ctx, carrier)
	for name, value := range carrier {
		message.Header.Set(name, value)
	}
	return message
}

// record stores how the attempt ended, and answers. If the record has changed meanwhile, the record decides.
func (d *delivery) record(kind string, more event) error {
	for {
		body, err := d.append(kind, more)
		if err != nil {
			return err
		}
		if body != nil {
			return d.answer(kind, body)
		}
		now, err := d.readRecord(d.ctx, d.job)
		if err != nil {
			return err
		}
		isOwn := d.isOwn(now)
		switch {
		case isOwn && now.last.Kind == kind: // only the acknowledgement was lost
			if body, err = json.Marshal(now.last); err != nil {
				return err
			}
			return d.answer(kind, body)
		case now.isOver(d.job):
			return d.message.Ack()
		case !isOwn && !slices.Contains(ends, kind):
			return nil // another delivery has the job
		}
		d.follow(now)
	}
}

func (d *delivery) isOwn(r record) bool {
	return r.last != nil && r.last.Worker == d.name && r.last.StartedAt == d.startedAt
}

func (d *delivery) answer(kind string, body []byte) error {
	switch kind {
	case "retrying":
		return d.message.NakWithDelay(retryMs * time.Millisecond)
	case "released":
		return d.message.Nak()
	}
	if err := d.storeCallback(kind, body); err != nil {
		return err
	}
	if kind == "failed" {
		return d.message.Term()
	}
	return d.message.Ack()
}

// bury stores the dead letter before the event `failed`, so a failed job can always be redriven.
func (d *delivery) bury(failure *jobError) error {
	dead := nats.NewMsg("dead." + d.job.path + "." + d.job.operation)
	dead.Data = d.message.Data()
	for name, values := range d.job.headers {
		// Headers that begin with `Nats-` command the server.
		if !strings.HasPrefix(strings.ToLower(name), "nats-") {
			dead.Header[name] = values
		}
	}
	dead.Header.Set("Nats-Msg-Id", d.job.id+":dead"+d.job.suffix)
	dead.Header.Set("throughline-dead-reason", failure.Code)
	dead.Header.Set("throughline-dead-attempts", fmt.Sprint(d.number))
	if _, err := d.js.PublishMsg(d.ctx, dead); err != nil {
		return err
	}
	return d.record("failed", event{Error: failure})
}

func (d *delivery) storeCallback(kind string, body []byte) error {
	url, wanted := first(d.job.headers, "throughline-callback-url"), strings.Join(ends, ",")
	if found := header(d.job.headers, "throughline-callback-events"); len(found) > 0 {
		wanted = found[0]
	}
	// A callback header that cannot be read means no callback.
	if !callbackURL.MatchString(url) || !callbackEnds.MatchString(wanted) || !slices.Contains(list(wanted), kind) {
		return nil
	}
	task := d.cloudEvent("callbacks."+d.job.path, body, kind, d.job.id+":end"+d.job.suffix, time.Now().UTC().Format(timeFormat))
	task.Header.Set("Nats-Msg-Id", d.job.id+":callback"+d.job.suffix)
	task.Header.Set("throughline-callback-url", url)
	_, err := d.js.PublishMsg(d.ctx, task)
	return err
}
