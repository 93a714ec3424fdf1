package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

var ends = []string{"succeeded", "failed", "cancelled"}

var (
	subjectPattern     = regexp.MustCompile(`^jobs\.[^.]+\.[^.]+\.([\w-]{1,64})\.([\w-]{1,64})\.([a-z][a-z0-9_-]*(?:\.[a-z][a-z0-9_-]*)*)$`)
	fingerprintPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
	priorityPattern    = regexp.MustCompile(`^(high|normal|low)$`)
	orderingKeyPattern = regexp.MustCompile(`^[!-~]([ -~]{0,126}[!-~])?$`)
	callbackURL        = regexp.MustCompile(`^(?i:https?)://[A-Za-z0-9._:\[\]-]+([/?][!"$-~]*)?$`)
	callbackEnds       = regexp.MustCompile(`^(succeeded|failed|cancelled)(,(succeeded|failed|cancelled))*$`)
	wholeNumber        = regexp.MustCompile(`^[1-9][0-9]*$`)
	redriveCount       = regexp.MustCompile(`^[1-9][0-9]{0,5}$`)
	// Of RFC 3339. time.Parse takes more forms, such as one digit for the hour, and no small letters.
	timePattern        = regexp.MustCompile(`^(?i)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$`)
	traceparentPattern = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32}-[0-9a-f]{16})-([0-9a-f]{2})(-.*)?$`)
	traceIDsPattern    = regexp.MustCompile(`^[0-9a-f]{32}(,[0-9a-f]{32}){0,19}$`)
	tagsPattern        = regexp.MustCompile(`^[A-Za-z0-9][\w.:/=-]{0,63}(,[A-Za-z0-9][\w.:/=-]{0,63}){0,7}$`)
)

const timeFormat = "2006-01-02T15:04:05.000Z"

// header gives all values of a header. Names are read in upper and lower case, because Go clients write `Traceparent`.
// The attributes of a CloudEvent, `ce-…`, are decoded.
func header(headers nats.Header, name string) []string {
	var found []string
	for key, values := range headers {
		if strings.EqualFold(key, name) {
			found = append(found, values...)
		}
	}
	if strings.HasPrefix(name, "ce-") {
		for place, value := range found {
			found[place] = decode(value)
		}
	}
	return found
}

// decode reads the value of an attribute. A `%` that begins no byte shows that its writer did not encode it.
func decode(value string) string {
	if decoded, err := url.PathUnescape(value); err == nil {
		return decoded
	}
	return value
}

func first(headers nats.Header, name string) string {
	if found := header(headers, name); len(found) > 0 {
		return found[0]
	}
	return ""
}

// job is what a message says. fault says why it cannot be read.
type job struct {
	tenant, id, operation, path string
	input                       json.RawMessage
	headers                     nats.Header
	maxAttempts, timeoutMs      int // 0: the message does not say
	acceptedAt                  string
	redriveCount                int
	suffix                      string // from the first redrive on, all ids of the job end with it
	fault                       string
}

func readJob(message jetstream.Msg, meta *jetstream.MsgMetadata) *job {
	j := &job{headers: message.Headers()}
	if parts := subjectPattern.FindStringSubmatch(message.Subject()); parts != nil {
		j.tenant, j.id, j.operation = parts[1], parts[2], parts[3]
	} else {
		j.tenant, j.id, j.operation = "_unreadable", fmt.Sprintf("seq-%d", meta.Sequence.Stream), "unknown"
		j.fault = "the subject is not that of a job"
	}
	j.path = j.tenant + "." + j.id
	j.input = message.Data()
	if len(j.input) == 0 {
		j.input = json.RawMessage("null")
	}
	if !json.Valid(j.input) || !utf8.Valid(j.input) {
		j.fault = "the body is not JSON in UTF-8"
	}
	j.maxAttempts = j.limit("throughline-max-attempts", 100)
	j.timeoutMs = j.limit("throughline-timeout-ms", 86_400_000)
	accepted, err := time.Parse(time.RFC3339, strings.ToUpper(j.fitting("ce-time", timePattern)))
	if err != nil || accepted.UTC().Year() > 9999 {
		accepted = meta.Timestamp
	}
	j.acceptedAt = accepted.UTC().Format(timeFormat)
	if text := first(j.headers, "throughline-redrive-count"); redriveCount.MatchString(text) {
		j.redriveCount, _ = strconv.Atoi(text)
		j.suffix = ":" + text
	}
	return j
}

// limit reads a whole number from 1 to most.
func (j *job) limit(name string, most int) int {
	text := first(j.headers, name)
	if text == "" && len(header(j.headers, name)) == 0 {
		return 0
	}
	number, err := strconv.Atoi(text)
	if err != nil || !wholeNumber.MatchString(text) || number > most {
		j.fault = fmt.Sprintf("%s is not a whole number from 1 to %d", name, most)
	}
	return number
}

// fitting reads a header. One that does not fit counts as absent: no event can repeat it.
func (j *job) fitting(name string, pattern *regexp.Regexp) string {
	if text := first(j.headers, name); pattern.MatchString(text) {
		return text
	}
	return ""
}

// traceContext is what the message says of its trace. SDKs of CloudEvents write `traceparent` and `tracestate` as attributes.
// They count, as a pair, where there is no `traceparent`.
func (j *job) traceContext() propagation.MapCarrier {
	pair := ""
	if len(header(j.headers, "traceparent")) == 0 {
		pair = "ce-"
	}
	// Several headers are one list, as in HTTP, and a list of `traceparent` is none.
	list := func(name string) string { return strings.Join(header(j.headers, name), ",") }
	return propagation.MapCarrier{
		"traceparent": knownPart(list(pair + "traceparent")),
		"tracestate":  list(pair + "tracestate"),
		"baggage":     list("baggage"),
	}
}

// knownPart is a `traceparent` without what later versions add; empty if it is broken. OpenTelemetry's Go refuses flags of
// later versions in version 00, and takes a `-` at its end.
func knownPart(traceparent string) string {
	parts := traceparentPattern.FindStringSubmatch(traceparent)
	if parts == nil || parts[1] == "ff" || (parts[1] == "00" && parts[4] != "") {
		return ""
	}
	flags, _ := strconv.ParseUint(parts[3], 16, 8)
	return fmt.Sprintf("00-%s-%s", parts[2], trace.TraceFlags(flags)&(trace.FlagsSampled|trace.FlagsRandom))
}

// event is the body of an event: a whole snapshot of the job. The last event of a job is read into it too.
type event struct {
	Kind             string          `json:"kind"`
	JobID            string          `json:"jobId"`
	Operation        string          `json:"operation"`
	Attempt          int             `json:"attempt"`
	MaxAttempts      int             `json:"maxAttempts"`
	Released         int             `json:"released"`
	AcceptedAt       string          `json:"acceptedAt"`
	StartedAt        string          `json:"startedAt,omitempty"`
	At               string          `json:"at"`
	Worker           string          `json:"worker"`
	TraceID          string          `json:"traceId"`
	SpanID           string          `json:"spanId"`
	Progress         *progress       `json:"progress,omitempty"`
	Result           json.RawMessage `json:"result,omitempty"`
	Error            *jobError       `json:"error,omitempty"`
	RetryInMs        *int            `json:"retryInMs,omitempty"`
	Fingerprint      string          `json:"fingerprint,omitempty"`
	Priority         string          `json:"priority,omitempty"`
	OrderingKey      string          `json:"orderingKey,omitempty"`
	Tags             []string        `json:"tags,omitempty"`
	RedriveCount     int             `json:"redriveCount,omitempty"`
	PreviousTraceIDs []string        `json:"previousTraceIds,omitempty"`
}

type progress struct {
	Fraction float64 `json:"fraction"`
	Message  string  `json:"message"`
}

type jobError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// repeat sets what each event repeats of the job's message.
func (e *event) repeat(j *job) {
	e.Fingerprint = j.fitting("throughline-fingerprint", fingerprintPattern)
	e.Priority = j.fitting("throughline-priority", priorityPattern)
	e.OrderingKey = j.fitting("throughline-ordering-key", orderingKeyPattern)
	e.Tags = list(j.fitting("throughline-tags", tagsPattern))
	if j.redriveCount > 0 {
		e.RedriveCount = j.redriveCount
		e.PreviousTraceIDs = list(j.fitting("throughline-previous-trace-ids", traceIDsPattern))
	}
}

func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// record is the last event of a job (last is nil: none since its last redrive), and its last cancel notice.
type record struct {
	last           *event
	sequence       uint64
	isUnreadable   bool
	cancelSequence uint64
}

// isOver says whether nothing may happen any more to the job of a message.
func (r record) isOver(j *job) bool {
	return r.last != nil && (slices.Contains(ends, r.last.Kind) || r.last.RedriveCount > j.redriveCount)
}

// readRecord asks the leaders of the streams, so what they answer is the last.
func (w *worker) readRecord(ctx context.Context, j *job) (record, error) {
	var r record
	notice, err := lastOn(ctx, w.cancels, "cancel."+j.path)
	if err != nil {
		return r, err
	}
	if notice != nil {
		r.cancelSequence = noticeSequence(notice.Header)
	}
	stored, err := lastOn(ctx, w.events, "events."+j.path)
	if err != nil || stored == nil {
		return r, err
	}
	r.sequence = stored.Sequence
	var last event
	if err := json.Unmarshal(stored.Data, &last); err != nil || last.Kind == "" {
		r.isUnreadable = true
	} else if last.RedriveCount >= j.redriveCount {
		// An event from before the redrive says nothing about the attempts of this message. Its sequence counts all the same.
		r.last = &last
	}
	return r, nil
}

// noticeSequence is the sequence of the message that a cancel notice is for; 0 if another program wrote something else there.
func noticeSequence(headers nats.Header) uint64 {
	sequence, err := strconv.ParseUint(first(headers, "throughline-job-sequence"), 10, 64)
	if err != nil || sequence > 1<<53-1 {
		return 0
	}
	return sequence
}

func lastOn(ctx context.Context, stream jetstream.Stream, subject string) (*jetstream.RawStreamMsg, error) {
	message, err := stream.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", subject, err)
	}
	return message, nil
}
