package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/XSAM/otelsql"
	_ "github.com/mattn/go-sqlite3"
	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
)

const (
	maxAttempts = 5
	timeoutMs   = 60_000
)

// errRejected marks the error of an operation that will never do this job. It is not tried again.
var errRejected = errors.New("rejected")

// run is what an operation gets. Its context ends when the attempt is aborted, and holds the span of the attempt.
type run struct {
	input  json.RawMessage
	facts  facts
	report func(fraction float64, message string)
}

type facts struct {
	JobID        string `json:"jobId"`
	Tenant       string `json:"tenant"`
	Attempt      int    `json:"attempt"`
	RedriveCount int    `json:"redriveCount"`
	Fence        uint64 `json:"fence"` // grows with each attempt: a database can refuse writes of an older one
}

type operation func(context.Context, run) (any, error)

// operations are those of this worker: example.order shows what yours may do, the others are those of `throughline conformance`.
var operations = map[string]operation{
	"example.order": placeOrder,
	"conformance.echo": func(_ context.Context, r run) (any, error) {
		return r.input, nil
	},
	"conformance.fail": func(_ context.Context, r run) (any, error) {
		in, err := read[struct{ Message string }](r)
		if err == nil && in.Message == "" {
			in.Message = "it failed"
		}
		return nil, errors.Join(err, errors.New(in.Message))
	},
	"conformance.reject": func(context.Context, run) (any, error) {
		return nil, fmt.Errorf("it cannot be done: %w", errRejected)
	},
	"conformance.retry": func(_ context.Context, r run) (any, error) {
		in, err := read[struct{ Failures int }](r)
		if err == nil && r.facts.Attempt <= in.Failures {
			err = errors.New("not yet")
		}
		return map[string]int{"attempt": r.facts.Attempt}, err
	},
	"conformance.sleep": func(ctx context.Context, r run) (any, error) {
		in, err := read[struct{ Ms int }](r)
		if err != nil {
			return nil, err
		}
		return map[string]int{"slept": in.Ms}, pause(ctx, time.Duration(in.Ms)*time.Millisecond)
	},
	"conformance.progress": func(ctx context.Context, r run) (any, error) {
		in, err := read[struct{ Steps, EveryMs int }](r)
		every := time.Duration(cmp.Or(in.EveryMs, 300)) * time.Millisecond
		for step := 1; err == nil && step <= in.Steps; step++ {
			r.report(float64(step)/float64(in.Steps), fmt.Sprintf("step %d", step))
			err = pause(ctx, every)
		}
		return map[string]int{"steps": in.Steps}, err
	},
	"conformance.baggage": func(ctx context.Context, r run) (any, error) {
		in, err := read[struct{ URL string }](r)
		if err != nil {
			return nil, err
		}
		status, err := get(ctx, in.URL)
		return map[string]int{"status": status}, err
	},
	"conformance.info": func(_ context.Context, r run) (any, error) {
		return r.facts, nil
	},
	"conformance.big": func(_ context.Context, r run) (any, error) {
		in, err := read[struct{ Bytes int }](r)
		return map[string]string{"text": strings.Repeat("x", in.Bytes)}, err
	},
}

var (
	// These make a client span of each call, as a child of the span in its context. HTTP also gets `traceparent` and `baggage`.
	client   = http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport)}
	database = sync.OnceValues(openDatabase)
	cache    = sync.OnceValues(openRedis)
)

// placeOrder takes {item, url?}: SQL, Redis and HTTP calls as child spans, and a goroutine that keeps the context.
func placeOrder(ctx context.Context, r run) (any, error) {
	in, err := read[struct{ Item, URL string }](r)
	if err != nil {
		return nil, err
	}
	orders, err := insertOrder(ctx, in.Item, r.facts.Fence)
	if err != nil {
		return nil, err
	}
	if redis, err := cache(); err != nil {
		return nil, err
	} else if redis != nil {
		if err := redis.Incr(ctx, "orders:"+in.Item).Err(); err != nil {
			return nil, err
		}
	}
	var work sync.WaitGroup
	for _, name := range []string{"background thread", "background task"} {
		// A goroutine has the context that it is given. context.WithoutCancel keeps the trace of work that must outlive the job.
		work.Go(func() { inBackground(context.WithoutCancel(ctx), name) })
	}
	defer work.Wait()
	status := 0
	if in.URL != "" {
		status, err = get(ctx, in.URL)
	}
	return map[string]int{"orders": orders, "status": status}, err
}

func insertOrder(ctx context.Context, item string, fence uint64) (count int, err error) {
	db, err := database()
	if err != nil {
		return 0, err
	}
	if _, err = db.ExecContext(ctx, "insert into orders values (?, ?)", item, fence); err != nil {
		return 0, err
	}
	err = db.QueryRowContext(ctx, "select count(*) from orders where item = ?", item).Scan(&count)
	return count, err
}

func openDatabase() (*sql.DB, error) {
	// A span for each statement, and none for what the driver does beside it.
	spans := otelsql.WithSpanOptions(otelsql.SpanOptions{OmitConnResetSession: true, OmitConnectorConnect: true, OmitRows: true})
	db, err := otelsql.Open("sqlite3", ":memory:", otelsql.WithAttributes(attribute.String("db.system.name", "sqlite")), spans)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // SQLite in memory is one connection
	_, err = db.Exec("create table orders (item text, fence integer)")
	return db, err
}

func openRedis() (*redis.Client, error) {
	url := os.Getenv("REDIS_URL")
	if url == "" {
		return nil, nil
	}
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	opened := redis.NewClient(options)
	return opened, redisotel.InstrumentTracing(opened)
}

func inBackground(ctx context.Context, name string) {
	_, span := otel.Tracer("throughline-example").Start(ctx, name)
	defer span.End() // work that belongs to the job
}

func get(ctx context.Context, url string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

func read[T any](r run) (input T, err error) {
	err = json.Unmarshal(r.input, &input)
	return input, err
}

// pause waits, or ends early when the attempt is aborted.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
