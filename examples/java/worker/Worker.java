import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.Options;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** A Throughline worker on plain NATS. docs/PROTOCOL.md says what it must do. */
final class Worker {
    final Settings settings;
    final Broker broker;
    final Notices notices;
    final ExecutorService threads = Executors.newCachedThreadPool(Worker::daemon);
    final ScheduledExecutorService clock = Executors.newScheduledThreadPool(2, Worker::daemon);
    /** One for each job under way. A message that comes waits for one: a lane without jobs holds none. */
    final Semaphore slots;
    private final Announcement announcement;
    private final Set<Delivery> deliveries = ConcurrentHashMap.newKeySet();
    private volatile boolean stopping;

    private Worker(Settings settings) throws Exception {
        this.settings = settings;
        slots = new Semaphore(settings.concurrency());
        broker = new Broker(connect());
        notices = new Notices(broker, (job, sequence) -> deliveries.forEach(delivery -> delivery.cancel(job, sequence)));
        announcement = new Announcement(broker, settings);
    }

    public static void main(String[] args) throws Exception {
        Worker worker = new Worker(Settings.read());
        Runtime.getRuntime().addShutdownHook(new Thread(worker::stop));
        try {
            worker.start();
        } catch (Exception error) {
            // The threads of the client would keep the program alive.
            error.printStackTrace();
            System.exit(1);
        }
        Thread.currentThread().join();
    }

    private static Thread daemon(Runnable task) {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        return thread;
    }

    private Connection connect() throws Exception {
        Options.Builder options = new Options.Builder().connectionName(settings.name()).maxReconnects(-1)
            .reconnectWait(Duration.ofMillis(250)).inboxPrefix("_INBOX_worker." + settings.group())
            .connectionListener((connection, event) -> {
                if (event.name().equals("RECONNECTED")) threads.execute(this::readPauses);
            });
        return Broker.connect(options, settings.natsUrl());
    }

    private void readPauses() {
        try {
            notices.readPauses();
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    private void start() throws Exception {
        List<Runnable> loops = Consumers.loops(this);
        announcement.renew();
        clock.scheduleAtFixedRate(() -> threads.execute(this::renew), Announcement.RENEW_MS, Announcement.RENEW_MS, TimeUnit.MILLISECONDS);
        loops.forEach(threads::execute);
    }

    private void renew() {
        try {
            announcement.renew();
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    boolean isStopping() {
        return stopping;
    }

    /** Lets a message wait for a slot, and runs it in a thread of its own. */
    void deliver(Message message, Consumers.Source source) throws InterruptedException {
        Delivery delivery = new Delivery(this, message, source);
        delivery.waitFor(slots);
        if (stopping) {
            message.nak();
            slots.release();
            return;
        }
        deliveries.add(delivery);
        threads.execute(() -> {
            try {
                delivery.run();
            } catch (Exception error) {
                System.err.println("a delivery was left without an answer: " + error);
                error.printStackTrace();
            } finally {
                deliveries.remove(delivery);
                slots.release();
            }
        });
    }

    void pauseAfter(Exception error) {
        System.err.println("NATS gave no job: " + error);
        try {
            Thread.sleep(250);
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    /** Takes no more jobs, gives those under way some time, hands the others back, and ends. */
    private void stop() {
        try {
            stopping = true;
            announcement.leave();
            waitForDeliveries(settings.stopTimeoutMs());
            deliveries.forEach(Delivery::stop);
            waitForDeliveries(settings.ackWaitMs());
            broker.connection.close();
        } catch (InterruptedException again) {
            Thread.currentThread().interrupt();
        }
    }

    private void waitForDeliveries(long atMostMs) throws InterruptedException {
        long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(atMostMs);
        while (!deliveries.isEmpty() && System.nanoTime() < until) Thread.sleep(10);
    }
}
