// Prints what the CloudEvents SDK of Go writes, and what it reads from our messages.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	nats_jetstream "github.com/cloudevents/sdk-go/protocol/nats_jetstream/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/nats-io/nats.go"
)

type sdkEvent struct {
	What       string            `json:"what"`
	Attributes map[string]string `json:"attributes"`
	Data       json.RawMessage   `json:"data"`
}

type message struct {
	What    string            `json:"what"`
	Mode    string            `json:"mode"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

type reading struct {
	What       string            `json:"what"`
	Attributes map[string]string `json:"attributes"`
	Data       json.RawMessage   `json:"data"`
}

func main() {
	var events []sdkEvent
	read("../events.json", &events)
	var written []message
	for _, each := range events {
		written = append(written, write(each, "binary"), write(each, "structured"))
	}
	var ours []message
	read("../ours.json", &ours)
	var readings []reading
	for _, each := range ours {
		readings = append(readings, understand(each))
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	must(encoder.Encode(map[string]any{
		"sdk": "github.com/cloudevents/sdk-go/v2 (Go)", "version": version(), "written": written, "read": readings,
	}))
}

func write(each sdkEvent, mode string) message {
	e := event.New()
	for name, value := range each.Attributes {
		switch name {
		case "id":
			e.SetID(value)
		case "source":
			e.SetSource(value)
		case "type":
			e.SetType(value)
		case "subject":
			e.SetSubject(value)
		case "time":
			parsed, err := time.Parse(time.RFC3339Nano, value)
			must(err)
			e.SetTime(parsed)
		case "datacontenttype":
		default:
			e.SetExtension(name, value)
		}
	}
	must(e.SetData(each.Attributes["datacontenttype"], []byte(each.Data)))
	ctx := binding.WithForceBinary(context.Background())
	if mode == "structured" {
		ctx = binding.WithForceStructured(context.Background())
	}
	var body bytes.Buffer
	header, err := nats_jetstream.WriteMsg(ctx, binding.ToMessage(&e), &body)
	must(err)
	headers := map[string]string{}
	for name := range header {
		headers[name] = header.Get(name)
	}
	return message{each.What, mode, headers, body.String()}
}

// The callback comes over HTTP, all other messages over NATS.
func understand(each message) reading {
	var received binding.Message
	if strings.HasPrefix(each.Headers["content-type"], "application/cloudevents") {
		header := http.Header{}
		for name, value := range each.Headers {
			header.Set(name, value)
		}
		received = cehttp.NewMessage(header, io.NopCloser(strings.NewReader(each.Body)))
	} else {
		header := nats.Header{}
		for name, value := range each.Headers {
			header.Set(name, value)
		}
		received = nats_jetstream.NewMessage(&nats.Msg{Header: header, Data: []byte(each.Body)})
	}
	e, err := binding.ToEvent(context.Background(), received)
	must(err)
	attributes := map[string]string{
		"specversion": e.SpecVersion(), "id": e.ID(), "source": e.Source(), "type": e.Type(),
		"datacontenttype": e.DataContentType(), "time": e.Time().UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	if e.Subject() != "" {
		attributes["subject"] = e.Subject()
	}
	for name, value := range e.Extensions() {
		text, err := types.Format(value)
		must(err)
		attributes[name] = text
	}
	return reading{each.What, attributes, e.Data()}
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == "github.com/cloudevents/sdk-go/v2" {
			return strings.TrimPrefix(dependency.Version, "v")
		}
	}
	return "unknown"
}

func read(name string, into any) {
	text, err := os.ReadFile(name)
	must(err)
	must(json.Unmarshal(text, into))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
