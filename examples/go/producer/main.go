// A producer on plain NATS: publishes one job, in a span that continues the trace of its caller.
package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"log"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"throughline.example/telemetry"
)

func main() {
	ctx := context.Background()
	stop, err := telemetry.Start(ctx)
	if err != nil {
		log.Fatal(err)
	}
	// A program that is started by a traced one gets the context in its environment.
	carrier := propagation.MapCarrier{
		"traceparent": os.Getenv("TRACEPARENT"),
		"tracestate":  os.Getenv("TRACESTATE"),
		"baggage":     os.Getenv("BAGGAGE"),
	}
	caller := otel.GetTextMapPropagator().Extract(ctx, carrier)
	id, err := submit(caller, os.Getenv("CONFORMANCE_TENANT"), os.Getenv("CONFORMANCE_OPERATION"), []byte(os.Getenv("CONFORMANCE_INPUT")))
	if err == nil {
		err = stop(ctx)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(id)
}

// submit publishes a job whose input is JSON, waits until JetStream has it, and returns the job id.
func submit(ctx context.Context, tenant, operation string, input []byte) (string, error) {
	url := os.Getenv("NATS_URL")
	connection, err := nats.Connect(url)
	if err != nil {
		address := url[strings.LastIndex(url, "@")+1:] // without a password
		return "", fmt.Errorf("NATS at %s cannot be reached: %w", address, err)
	}
	defer connection.Close()
	js, err := jetstream.New(connection)
	if err != nil {
		return "", err
	}
	ctx, span := otel.Tracer("throughline-example").Start(ctx, "send "+operation, trace.WithSpanKind(trace.SpanKindProducer))
	defer span.End()
	id := uuid.NewString()
	message := nats.NewMsg(fmt.Sprintf("jobs.normal.%s.%s.%s.%s", pooledLane(tenant), tenant, id, operation))
	message.Data = input
	// `Nats-Msg-Id` makes it safe to publish again within two minutes when no acknowledgement comes.
	for name, value := range map[string]string{
		"Nats-Msg-Id":    id,
		"ce-specversion": "1.0",
		"ce-id":          id,
		"ce-source":      "/go-producer",
		"ce-type":        "dev.throughline.job.submitted",
		"ce-time":        time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"content-type":   "application/json",
	} {
		message.Header.Set(name, value)
	}
	// traceparent, tracestate and baggage. HeaderCarrier writes `Traceparent`, which every reader takes too.
	otel.GetTextMapPropagator().Inject(ctx, propagation.HeaderCarrier(message.Header))
	_, err = js.PublishMsg(ctx, message)
	return id, err
}

// pooledLane is the lane of all jobs of a tenant: FNV-1a of 32 bits over its name.
func pooledLane(tenant string) string {
	hash := fnv.New32a()
	hash.Write([]byte(tenant))
	return fmt.Sprintf("p%d", hash.Sum32()%4)
}
