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
	"reflect"
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
	var consumers []jetstream.Consumer
	for _, route := range routes() {
		consumer, err := w.consumer(told, route[0], route[1])
		if err != nil {
			return err
		}
		consumers = append(consumers, consumer)
	}
	if err := w.listen(ctx); err != nil {
		return err
	}
	key, err := w.announce(told, concurrency)
	if err != nil {
		return err
	}
	taking := &sync.WaitGroup{}
	for _, consumer := range consumers {
		taking.Go(func() { w.consume(told, consumer) })
	}
	<-told.Done()
	return errors.Join(w.stop(key, taking, handBack), flush(ctx))
}

func (w *worker) connect(ctx context.Context) (err error) {
	url := setting("NATS_URL", nats.DefaultURL)
	w.connection, err = nats.Connect(url, nats.MaxReconnects(-1),
		nats.CustomInboxPrefix("_INBOX_worker."+w.group), nats.ReconnectHandler(func(*nats.Conn) { w.readPauses(ctx) }))
	if err != nil {
		address := url[strings.LastIndex(url, "@")+1:] // without a password
		return fmt.Errorf("NATS at %s cannot be reached: %w", address, err)
	}
	if w.js, err = jetstream.New(w.connection); err != nil {
		return err
	}
	if w.events, err = w.js.Stream(ctx, "EVENTS"); err != nil {
		return err
	}
	w.cancels, err = w.js.Stream(ctx, "CANCELS")
	return err
}

// listen hears of cancel notices and pauses.
func (w *worker) listen(ctx context.Context) error {
	if _, err := w.connection.Subscribe("cancel.>", w.onCancel); err != nil {
		return err
	}
	if _, err := w.connection.Subscribe("$KV.OPERATIONS._paused.>", func(m *nats.Msg) { w.setPause(m.Subject, m.Data) }); err != nil {
		return err
	}
	return w.readPauses(ctx)
}

// consumer is the durable consumer of one priority and lane, which all workers of the group share.
func (w *worker) consumer(told context.Context, priority, lane string) (jetstream.Consumer, error) {
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
		return w.js.CreateConsumer(told, "JOBS", config)
	} else if err == nil && !takes(consumer.CachedInfo().Config, subjects) {
		return nil, fmt.Errorf("the consumer %s takes other operations than WORKER_OPERATIONS says", name)
	}
	return consumer, err
}

// consume pulls one message at a time.
func (w *worker) consume(told context.Context, consumer jetstream.Consumer) {
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
	sequence := noticeSequence(message.Header)
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

// announce writes the host and its operations, now and every 30 s: after three renewals that are missing it counts as dead.
func (w *worker) announce(told context.Context, concurrency int) (string, error) {
	since := time.Now().UTC().Format(timeFormat)
	key := fmt.Sprintf("$KV.HOSTS.%s-%s", hex.EncodeToString([]byte(w.name)), rand.Text())
	put := func(isStart bool) error {
		// The host first: an operation that becomes known has a host then.
		if err := w.put(told, key, map[string]any{
			"host": w.name, "version": "1", "group": w.group, "concurrency": concurrency, "operations": w.operations(),
			"since": since, "at": time.Now().UTC().Format(timeFormat), "leaseMs": 3 * renew.Milliseconds(),
		}); err != nil {
			return err
		}
		return w.announceOperations(told, isStart)
	}
	if err := put(true); err != nil {
		return "", err
	}
	go func() {
		for ticker := time.NewTicker(renew); ; {
			select {
			case <-told.Done():
				ticker.Stop()
				return
			case <-ticker.C:
				if err := put(false); err != nil {
					log.Printf("cannot announce this host: %v", err)
				}
			}
		}
	}()
	return key, nil
}

// announceOperations writes the definitions that are missing and, at the start, those that differ: later such a one is that of a
// host which started after this one.
func (w *worker) announceOperations(ctx context.Context, isStart bool) error {
	stream, err := w.js.Stream(ctx, "KV_OPERATIONS")
	if err != nil {
		return err
	}
	for _, name := range w.operations() {
		wanted := map[string]any{
			"name": name, "inputSchema": true, "timeoutMs": float64(timeoutMs), "maxAttempts": float64(maxAttempts), "host": w.name,
		}
		stored, err := lastOn(ctx, stream, "$KV.OPERATIONS."+name)
		if err != nil {
			return err
		}
		var found map[string]any
		if stored != nil && json.Unmarshal(stored.Data, &found) == nil && found != nil {
			found["host"] = w.name
			if !isStart || reflect.DeepEqual(found, wanted) {
				continue
			}
		}
		if err := w.put(ctx, "$KV.OPERATIONS."+name, wanted); err != nil {
			return err
		}
	}
	return nil
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
