package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

const (
	retryMs       = 100
	progressPause = 250 * time.Millisecond
	largestResult = 512 * 1024
)

// Why an attempt is aborted. errTaken: another delivery has the job.
var (
	errCancelled = errors.New("cancelled")
	errStopping  = errors.New("stopping")
	errTimeout   = errors.New("timeout")
	errTaken     = errors.New("taken")
)

// delivery is one delivery of a job message: from the message to the answer.
type delivery struct {
	*worker
	message   jetstream.Msg
	meta      *jetstream.MsgMetadata
	job       *job
	isYoung   bool // the message is younger than the consumer
	ctx       context.Context
	operation context.Context // ends when the attempt is aborted, with the reason as its cause
	abort     context.CancelCauseFunc
	span      trace.Span
	previous  trace.SpanContext // the span of the attempt before
	isRunning bool

	mutex        sync.Mutex // guards what follows while the operation runs, and the writing of events: one after the other
	sequence     uint64     // of the job's event that the next event of this attempt follows
	number       int
	released     int
	max          int
	startedAt    string
	lastBeat     time.Time
	lastProgress time.Time
}

func (w *worker) newDelivery(message jetstream.Msg, consumerCreated time.Time) (*delivery, error) {
	meta, err := message.Metadata()
	if err != nil {
		return nil, err
	}
	d := &delivery{worker: w, message: message, meta: meta, job: readJob(message, meta), lastBeat: time.Now()}
	d.isYoung = meta.Timestamp.After(consumerCreated)
	// The span of the attempt continues the trace of the message. A broken `traceparent` starts a new trace.
	d.ctx, d.span = otel.Tracer("throughline-example").Start(
		otel.GetTextMapPropagator().Extract(context.Background(), d.job.traceContext()),
		"process "+d.job.operation,
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(
			attribute.String("messaging.system", "nats"),
			attribute.String("messaging.operation.type", "process"),
			attribute.String("messaging.destination.name", "JOBS"),
			attribute.String("messaging.message.id", d.job.id),
			attribute.String("throughline.job.id", d.job.id),
			attribute.String("throughline.job.operation", d.job.operation),
			attribute.String("throughline.job.tenant", d.job.tenant),
		),
	)
	d.operation, d.abort = context.WithCancelCause(d.ctx)
	return d, nil
}

func (d *delivery) handle() error {
	defer d.span.End()
	beats, stop := context.WithCancel(d.ctx)
	defer stop()
	go d.keepAlive(beats)
	return d.begin()
}

func (d *delivery) onCancel(sequence uint64) {
	// A notice for an earlier message of the job is not for this one.
	if sequence >= d.meta.Sequence.Stream {
		d.abort(errCancelled)
	}
}

// keepAlive keeps the message. While the operation runs, it also looks whether the job is still ours.
func (d *delivery) keepAlive(ctx context.Context) {
	ticker := time.NewTicker(d.ackWait / 4)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if d.message.InProgress() != nil {
			continue
		}
		d.mutex.Lock()
		d.lastBeat = time.Now()
		isRunning := d.isRunning
		d.mutex.Unlock()
		if isRunning {
			d.look(ctx)
		}
	}
}

func (d *delivery) look(ctx context.Context) {
	r, err := d.readRecord(ctx, d.job)
	if err != nil {
		return
	}
	if r.cancelSequence > 0 {
		d.onCancel(r.cancelSequence)
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if r.sequence > d.sequence && !d.isOwn(r) {
		d.abort(errTaken)
	}
}

func (d *delivery) begin() error {
	if d.job.fault != "" {
		return d.refuse(record{}, "message-invalid", d.job.fault, 1)
	}
	if operations[d.job.operation] == nil {
		// Another host of the group may have it, so the pauses stay short. No event is written, so no attempt is spent.
		return d.message.NakWithDelay(min(time.Second, time.Duration(d.meta.NumDelivered)*10*time.Millisecond))
	}
	again := first(d.job.headers, "throughline-published-again") == "true"
	isPaused := d.isPaused(d.job.operation)
	isFirst := d.meta.NumDelivered == 1 && d.isYoung && d.job.redriveCount == 0 && !again
	var r record
	if !isFirst || isPaused {
		var err error
		if r, err = d.readRecord(d.ctx, d.job); err != nil {
			return err
		}
	}
	if isPaused && !r.isUnreadable && !r.isOver(d.job) {
		return d.handBack(r)
	}
	return d.claim(isFirst, r)
}

// claim starts the attempt, if the record of the job allows it. Nothing runs before `started` is stored.
func (d *delivery) claim(isFirst bool, r record) error {
	if r.isUnreadable {
		return d.refuse(r, "record-unreadable", "the last event cannot be read", 0)
	}
	if r.isOver(d.job) {
		return d.message.Ack()
	}
	d.prepare(r)
	if r.cancelSequence > 0 {
		d.onCancel(r.cancelSequence)
	}
	if context.Cause(d.operation) == errCancelled {
		return d.endCancelled()
	}
	if d.number > d.max {
		return d.refuse(r, "attempts-spent", "no attempt ended", d.number-1)
	}
	d.mutex.Lock()
	beat := d.lastBeat
	d.mutex.Unlock()
	stored, err := d.append("started", event{})
	if err != nil {
		return err
	}
	if stored == nil {
		now, err := d.readRecord(d.ctx, d.job)
		switch {
		case err != nil:
			return err
		case d.isOwn(now): // only the acknowledgement was lost
			d.follow(now)
		case now.last != nil && now.last.Kind != "redriven" && !now.isOver(d.job) && (isFirst || now.sequence != r.sequence):
			return nil // another delivery has the job: no answer, so the message comes again after its ack wait
		default:
			return d.claim(false, now)
		}
	}
	if time.Since(beat) > d.ackWait*4/5 {
		d.look(d.ctx) // this process was paused, so the job may be another worker's by now
	}
	return d.operate()
}

func (d *delivery) prepare(r record) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.sequence, d.number, d.released = r.sequence, 1, 0
	if r.last != nil {
		d.number, d.released = r.last.Attempt+1, r.last.Released
		d.previous = r.last.span()
	}
	d.max = maxAttempts
	if d.job.maxAttempts > 0 {
		d.max = min(d.max, d.job.maxAttempts)
	}
	if d.job.fault != "" {
		d.max = 1 // a message that cannot be read has one attempt
	}
	d.startedAt = time.Now().UTC().Format(timeFormat)
}

func (d *delivery) operate() error {
	if d.previous.IsValid() {
		d.span.AddLink(trace.Link{SpanContext: d.previous})
	}
	limit := timeoutMs
	if d.job.timeoutMs > 0 {
		limit = min(limit, d.job.timeoutMs)
	}
	timer := time.AfterFunc(time.Duration(limit)*time.Millisecond, func() { d.abort(errTimeout) })
	defer timer.Stop()
	release := context.AfterFunc(d.stopping, func() { d.abort(errStopping) })
	defer release()
	d.setRunning(true)
	facts := facts{d.job.id, d.job.tenant, d.number, d.job.redriveCount, d.sequence}
	result, err := d.call(run{d.job.input, facts, d.report})
	d.setRunning(false)
	if cause := context.Cause(d.operation); cause != nil {
		return d.endAborted(cause)
	}
	var data []byte
	if err == nil {
		data, err = json.Marshal(result)
	}
	switch {
	case errors.Is(err, errRejected):
		return d.endFailed("operation-rejected", err.Error(), true)
	case err != nil:
		return d.endFailed("operation-failed", err.Error(), false)
	case len(data) > largestResult:
		return d.endFailed("result-too-large", fmt.Sprintf("the result has %d bytes", len(data)), true)
	}
	return d.record("succeeded", event{Result: data})
}

// call runs the operation. A panic is the end of its attempt only.
func (d *delivery) call(r run) (result any, err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = fmt.Errorf("panic: %v", thrown)
		}
	}()
	return operations[d.job.operation](d.operation, r)
}

// follow lets the next event come after the last one of a record. A look at the job may still be under way.
func (d *delivery) follow(r record) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.sequence = r.sequence
}

func (d *delivery) setRunning(isRunning bool) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.isRunning = isRunning
}

// report is what run.report does. More than four reports in a second are not recorded.
func (d *delivery) report(fraction float64, message string) {
	if !d.mayReport() {
		return
	}
	if _, err := d.append("progress", event{Progress: &progress{fraction, message}}); err != nil {
		log.Printf("cannot record progress of job %s: %v", d.job.id, err)
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.lastProgress = time.Now() // the event before may have delayed this one
}

// mayReport says whether the last report is long enough ago. An operation may report from many goroutines.
func (d *delivery) mayReport() bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	isTooSoon := time.Since(d.lastProgress) < progressPause
	if !isTooSoon {
		d.lastProgress = time.Now()
	}
	return !isTooSoon
}

func (d *delivery) endAborted(cause error) error {
	switch cause {
	case errCancelled:
		return d.endCancelled()
	case errStopping:
		// The attempt is not spent: `attempt` is the number of those that are.
		d.number, d.released = d.number-1, d.released+1
		return d.record("released", event{})
	case errTimeout:
		return d.endFailed("operation-timeout", "the attempt took too long", false)
	}
	return nil // another delivery has the job, and this one gets no answer
}

func (d *delivery) endCancelled() error {
	return d.record("cancelled", event{Error: &jobError{"job-cancelled", "cancelled by its caller"}})
}

func (d *delivery) endFailed(code, message string, isFinal bool) error {
	d.span.SetStatus(codes.Error, message)
	failure := &jobError{code, message}
	if isFinal || d.number >= d.max {
		return d.bury(failure)
	}
	pause := retryMs
	return d.record("retrying", event{Error: failure, RetryInMs: &pause})
}

// refuse ends a job that cannot start.
func (d *delivery) refuse(r record, code, message string, attempt int) error {
	d.prepare(r)
	d.number = attempt
	d.span.SetStatus(codes.Error, message)
	return d.bury(&jobError{code, message})
}

// handBack is for a paused operation. `released` says that no worker has the job, unless the last event says so already.
func (d *delivery) handBack(r record) error {
	d.prepare(r)
	if r.last == nil || r.last.Kind == "started" || r.last.Kind == "progress" {
		d.number, d.released, d.startedAt = d.number-1, d.released+1, ""
		if _, err := d.append("released", event{}); err != nil {
			return err
		}
	}
	return d.message.NakWithDelay(time.Second)
}

// span is the one that an event names; not valid after a worker without spans.
func (e *event) span() trace.SpanContext {
	traceID, _ := trace.TraceIDFromHex(e.TraceID)
	spanID, _ := trace.SpanIDFromHex(e.SpanID)
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, Remote: true})
}
