// A worker on plain NATS, written from docs/PROTOCOL.md. The README names the variables it reads.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"throughline.example/telemetry"
)

const renew = 30 * time.Second

type worker struct {
	name, group     string
	filters         []string // the operations that it takes: names, and prefixes that end with `.>`
	ackWait         time.Duration
	connection      *nats.Conn
	js              jetstream.JetStream
	events, cancels jetstream.Stream
	stopping        context.Context // ends when the jobs that still run must be handed back
	slots           chan struct{}

	mutex   sync.Mutex
	running map[*delivery]struct{}
	notices map[string]uint64 // cancel notices: job to sequence
	paused  map[string]bool
}

func main() {
	if err := start(); err != nil {
		log.Fatal(err)
	}
}

func start() error {
	told, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	ctx := context.Background()
	flush, err := telemetry.Start(ctx)
	if err != nil {
		return err
	}
	host, _ := os.Hostname()
	stopping, handBack := context.WithCancel(ctx)
	defer handBack()
	w := &worker{
		name: setting("WORKER_NAME", host), group: setting("WORKER_GROUP", "go"), filters: filters(setting("WORKER_OPERATIONS", "example.>")),
		ackWait: milliseconds("WORKER_ACK_WAIT_MS", "30000"), stopping: stopping,
		running: map[*delivery]struct{}{}, notices: map[string]uint64{}, paused: map[string]bool{},
	}
	concurrency, err := strconv.Atoi(setting("WORKER_CONCURRENCY", "64"))
	if err != nil {
		return err
	}
	w.slots = make(chan struct{}, concurrency)
	if err := w.connect(ctx); err != nil {
		return err
	}
	key, err := w.announce(told, concurrency)
	if err != nil {
		return err
	}
	taking := &sync.WaitGroup{}
	for _, route := range routes() {
		if err := w.consume(told, taking, route[0], route[1]); err != nil {
			return err
		}
	}
	<-told.Done()
	return errors.Join(w.stop(key, taking, handBack), flush(ctx))
}

func (w *worker) connect(ctx context.Context) (err error) {
	w.connection, err = nats.Connect(setting("NATS_URL", nats.DefaultURL), nats.MaxReconnects(-1),
		nats.CustomInboxPrefix("_INBOX_worker."+w.group), nats.ReconnectHandler(func(*nats.Conn) { w.readPauses(ctx) }))
	if err != nil {
		return err
	}
	if w.js, err = jetstream.New(w.connection); err != nil {
		return err
	}
	if w.events, err = w.js.Stream(ctx, "EVENTS"); err != nil {
		return err
	}
	if w.cancels, err = w.js.Stream(ctx, "CANCELS"); err != nil {
		return err
	}
	if _, err = w.connection.Subscribe("cancel.>", w.onCancel); err != nil {
		return err
	}
	if _, err = w.connection.Subscribe("$KV.OPERATIONS._paused.>", func(m *nats.Msg) { w.setPause(m.Subject, m.Data) }); err != nil {
		return err
	}
	return w.readPauses(ctx)
}

// consume takes messages of one priority and lane, through a durable consumer that all workers of the group share.
func (w *worker) consume(told context.Context, taking *sync.WaitGroup, priority, lane string) error {
	pending := 1_000_000
	switch lane[0] {
	case 'o':
		pending = 1
	case 'l':
		pending = -1
	}
	subjects := w.subjects(priority, lane)
	name := fmt.Sprintf("%s-%s-%s", w.group, priority, lane)
	consumer, err := w.js.Consumer(told, "JOBS", name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) { // one that is there stays as it is
		config := jetstream.ConsumerConfig{
			Name: name, Durable: name,
			DeliverPolicy: jetstream.DeliverAllPolicy, AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: w.ackWait, MaxDeliver: -1, MaxAckPending: pending,
		}
		if len(subjects) == 1 { // one filter has a field of its own: only then can NATS limit it
			config.FilterSubject = subjects[0]
		} else {
			config.FilterSubjects = subjects
		}
		consumer, err = w.js.CreateConsumer(told, "JOBS", config)
	} else if err == nil && !takes(consumer.CachedInfo().Config, subjects) {
		return fmt.Errorf("the consumer %s takes other operations than WORKER_OPERATIONS says", name)
	}
	if err != nil {
		return err
	}
	taking.Go(func() {
		for told.Err() == nil {
			message, err := consumer.Next(jetstream.FetchMaxWait(2 * time.Second))
			if err != nil {
				if !errors.Is(err, nats.ErrTimeout) && !errors.Is(err, jetstream.ErrNoMessages) {
					log.Printf("cannot ask for jobs: %v", err)
					time.Sleep(time.Second)
				}
			} else {
				w.take(told, message, consumer.CachedInfo().Created)
			}
		}
	})
	return nil
}

// take lets a message wait for a free slot, and keeps it alive: lanes without jobs hold no slot.
func (w *worker) take(told context.Context, message jetstream.Msg, consumerCreated time.Time) {
	d, err := w.newDelivery(message, consumerCreated)
	if err != nil {
		log.Print(err)
		return
	}
	waiting, stop := context.WithCancel(d.ctx)
	go d.keepAlive(waiting)
	w.slots <- struct{}{}
	stop()
	if told.Err() != nil {
		_ = message.Nak()
		<-w.slots
		return
	}
	w.mutex.Lock()
	w.running[d] = struct{}{}
	if sequence, ok := w.notices[d.job.path]; ok {
		d.onCancel(sequence)
	}
	w.mutex.Unlock()
	go func() {
		if err := d.handle(); err != nil {
			// NATS could not be asked. Without an answer the message comes again after its ack wait.
			log.Printf("cannot run job %s: %v", d.job.id, err)
		}
		w.mutex.Lock()
		delete(w.running, d)
		w.mutex.Unlock()
		<-w.slots
	}()
}

func (w *worker) onCancel(message *nats.Msg) {
	path := strings.TrimPrefix(message.Subject, "cancel.")
	sequence, _ := strconv.ParseUint(first(message.Header, "throughline-job-sequence"), 10, 64)
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if len(w.notices) >= 10_000 {
		clear(w.notices) // a worker looks into CANCELS too
	}
	w.notices[path] = sequence
	for d := range w.running {
		if d.job.path == path {
			d.onCancel(sequence)
		}
	}
}

// readPauses runs before the first job and after each reconnect, since notices may have been missed.
func (w *worker) readPauses(ctx context.Context) error {
	stream, err := w.js.Stream(ctx, "KV_OPERATIONS")
	if err != nil {
		return err
	}
	for _, name := range w.operations() {
		subject := "$KV.OPERATIONS._paused." + name
		if stored, err := lastOn(ctx, stream, subject); err != nil {
			return err
		} else if stored != nil {
			w.setPause(subject, stored.Data)
		}
	}
	return nil
}

func (w *worker) setPause(subject string, data []byte) {
	var value struct{ Paused bool }
	_ = json.Unmarshal(data, &value)
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.paused[strings.TrimPrefix(subject, "$KV.OPERATIONS._paused.")] = value.Paused
}

func (w *worker) isPaused(operation string) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.paused[operation]
}

// announce writes the operations once, and the host every 30 s: after three renewals that are missing it counts as dead.
func (w *worker) announce(told context.Context, concurrency int) (string, error) {
	for _, name := range w.operations() {
		if err := w.put(told, "$KV.OPERATIONS."+name, map[string]any{
			"name": name, "inputSchema": true, "timeoutMs": timeoutMs, "maxAttempts": maxAttempts, "host": w.name,
		}); err != nil {
			return "", err
		}
	}
	since := time.Now().UTC().Format(timeFormat)
	key := fmt.Sprintf("$KV.HOSTS.%s-%s", hex.EncodeToString([]byte(w.name)), rand.Text())
	put := func() error {
		return w.put(told, key, map[string]any{
			"host": w.name, "version": "1", "group": w.group, "concurrency": concurrency, "operations": w.operations(),
			"since": since, "at": time.Now().UTC().Format(timeFormat), "leaseMs": 3 * renew.Milliseconds(),
		})
	}
	go func() {
		for ticker := time.NewTicker(renew); ; {
			select {
			case <-told.Done():
				ticker.Stop()
				return
			case <-ticker.C:
				if err := put(); err != nil {
					log.Printf("cannot announce this host: %v", err)
				}
			}
		}
	}()
	return key, put()
}

func (w *worker) put(ctx context.Context, subject string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = w.js.Publish(ctx, subject, data)
	return err
}

// stop takes no more jobs, waits for those that run, and hands back those that do not end in time.
func (w *worker) stop(key string, taking *sync.WaitGroup, handBack func()) error {
	deletion := nats.NewMsg(key)
	deletion.Header.Set("KV-Operation", "DEL")
	_, err := w.js.PublishMsg(context.Background(), deletion)
	timer := time.AfterFunc(milliseconds("WORKER_STOP_TIMEOUT_MS", "20000"), handBack)
	defer timer.Stop()
	taking.Wait()
	for range cap(w.slots) {
		w.slots <- struct{}{} // all slots are free: no job runs
	}
	return errors.Join(err, w.connection.Drain())
}

func (w *worker) operations() []string {
	isTaken := func(name string) bool {
		return slices.ContainsFunc(w.filters, func(filter string) bool {
			prefix, isPrefix := strings.CutSuffix(filter, ">")
			return name == filter || isPrefix && strings.HasPrefix(name, prefix)
		})
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(operations)), func(name string) bool { return !isTaken(name) })
}

func routes() (all [][2]string) {
	for _, priority := range []string{"high", "normal", "low"} {
		for _, lane := range []string{"p0", "p1", "p2", "p3", "b0", "b1", "l0", "l1"} {
			all = append(all, [2]string{priority, lane})
		}
	}
	for lane := range 8 {
		all = append(all, [2]string{"normal", fmt.Sprintf("o%d", lane)})
	}
	return all
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func milliseconds(name, otherwise string) time.Duration {
	number, err := strconv.Atoi(setting(name, otherwise))
	if err != nil {
		log.Fatalf("%s is not a number of milliseconds", name)
	}
	return time.Duration(number) * time.Millisecond
}
