import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** One run of an operation. The first outcome counts, and ends it. */
final class Attempt implements Operations.Call {
    private static final long PROGRESS_EVERY_MS = 250;

    private final Worker worker;
    private final Job job;
    private final Chain chain;
    private final long fence;
    private final CompletableFuture<Outcome> outcome;
    private ObjectNode latest;
    private ScheduledFuture<?> flush;
    private long lastProgress = System.nanoTime() - TimeUnit.SECONDS.toNanos(1);
    private boolean over;

    Attempt(Worker worker, Job job, Chain chain, long fence, CompletableFuture<Outcome> outcome) {
        this.worker = worker;
        this.job = job;
        this.chain = chain;
        this.fence = fence;
        this.outcome = outcome;
    }

    /** Runs the operation until it ends, is aborted, or has taken too long. */
    Outcome run(Operations.Operation operation, long timeoutMs) throws Exception {
        Future<?> running = worker.threads.submit(() -> {
            outcome.complete(result(operation));
        });
        ScheduledFuture<?> timer = worker.clock.schedule(
            () -> outcome.complete(new Outcome.Failed("operation-timeout", "it took longer than " + timeoutMs + " ms", false, "")),
            timeoutMs, TimeUnit.MILLISECONDS);
        Outcome first = outcome.get();
        timer.cancel(false);
        running.cancel(true);
        endProgress();
        return first;
    }

    private Outcome result(Operations.Operation operation) {
        try {
            return new Outcome.Returned(operation.run(job.input, this));
        } catch (Operations.Rejection rejection) {
            return new Outcome.Failed("operation-rejected", rejection.getMessage(), true, stack(rejection));
        } catch (Throwable error) {
            return new Outcome.Failed("operation-failed", String.valueOf(error.getMessage()), false, stack(error));
        }
    }

    private static String stack(Throwable error) {
        StringWriter text = new StringWriter();
        error.printStackTrace(new PrintWriter(text));
        return text.toString();
    }

    @Override
    public Job job() {
        return job;
    }

    @Override
    public int attempt() {
        return chain.attempt();
    }

    @Override
    public long fence() {
        return fence;
    }

    @Override
    public String spanId() {
        return chain.spanId;
    }

    @Override
    public synchronized void progress(ObjectNode progress) {
        latest = progress;
        if (over || flush != null) return;
        long wait = PROGRESS_EVERY_MS - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - lastProgress);
        flush = worker.clock.schedule(() -> worker.threads.execute(this::recordProgress), Math.max(0, wait), TimeUnit.MILLISECONDS);
    }

    private synchronized void recordProgress() {
        flush = null;
        if (over) return;
        try {
            ObjectNode event = chain.event("progress", chain.attempt(), chain.released());
            lastProgress = System.nanoTime();
            event.set("progress", latest);
            chain.write(event);
        } catch (Broker.Refused refused) {
            outcome.complete(new Outcome.Taken());
        } catch (InterruptedException stopping) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void endProgress() {
        over = true;
    }
}
