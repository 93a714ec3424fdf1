import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.nats.client.Message;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** One delivery of a job's message: the steps from reading it to its answer. */
final class Delivery {
    private static final int LARGEST_RESULT = 512 * 1024;
    private static final int ROOM_FOR_HEADERS = 16 * 1024;
    private static final int RETRY_IN_MS = 200;
    private static final Duration PAUSED_FOR = Duration.ofSeconds(1);

    private final Worker worker;
    private final Message message;
    private final Consumers.Source source;
    private final Job job;
    private final Operations.Operation operation;
    private final int maxAttempts;
    private final Chain chain;
    private final CompletableFuture<Outcome> outcome = new CompletableFuture<>();
    private volatile long aliveAt = System.nanoTime();
    private volatile long aliveAtWall = System.currentTimeMillis();

    Delivery(Worker worker, Message message, Consumers.Source source) {
        this.worker = worker;
        this.message = message;
        this.source = source;
        job = new Job(message);
        operation = Operations.ALL.get(job.operation);
        int allowed = Math.min(Operations.MAX_ATTEMPTS, job.maxAttempts == null ? Operations.MAX_ATTEMPTS : job.maxAttempts);
        // A message that cannot be read has one attempt.
        maxAttempts = job.fault == null ? allowed : 1;
        chain = new Chain(worker.broker, job, worker.settings.name(), maxAttempts);
    }

    /** Ends the attempt if the notice is for this message. */
    void cancel(String jobKey, long sequence) {
        if (jobKey.equals(job.tenant + "." + job.id) && sequence >= job.sequence) outcome.complete(new Outcome.Cancelled());
    }

    void stop() {
        outcome.complete(new Outcome.Stopped());
    }

    /** Takes a slot, and keeps the message alive until one is free. */
    void waitFor(Semaphore slots) throws InterruptedException {
        ScheduledFuture<?> alive = keepAlives();
        try {
            slots.acquire();
        } finally {
            alive.cancel(false);
        }
    }

    private ScheduledFuture<?> keepAlives() {
        long every = Math.max(1, source.ackWaitMs() / 5);
        return worker.clock.scheduleAtFixedRate(this::keepAlive, every, every, TimeUnit.MILLISECONDS);
    }

    void run() throws Exception {
        ScheduledFuture<?> alive = keepAlives();
        try {
            if (job.fault != null || !job.named) endUnreadableMessage();
            else claim();
        } finally {
            alive.cancel(false);
        }
    }

    private void keepAlive() {
        try {
            message.inProgress();
            aliveAt = System.nanoTime();
            aliveAtWall = System.currentTimeMillis();
        } catch (IllegalStateException away) {
            System.err.println("a keep-alive could not be sent: " + away.getMessage());
        }
    }

    private boolean isFirst() {
        String again = job.header("throughline-published-again");
        return message.metaData().deliveredCount() == 1 && job.stored.isAfter(source.created()) && job.redriveCount == 0 && !"true".equals(again);
    }

    /** Steps 3 to 5: looks at the record, and starts an attempt if one may start. */
    private void claim() throws Exception {
        if (!isFirst()) {
            chain.read();
            worker.notices.isStoredCancelled(job);
        }
        while (true) {
            if (chain.hasEnded()) settleEnded();
            else if (chain.isUnreadable()) endUnreadableRecord();
            else if (worker.notices.isCancelled(job)) end(cancelled());
            else if (operation == null) message.nakWithDelay(missingFor());
            else if (chain.spent() >= maxAttempts) endSpent();
            else if (worker.notices.isPaused(job.operation)) holdPaused();
            else if (worker.isStopping()) message.nak();
            else if (!start()) continue;
            return;
        }
    }

    /** Another host of the group may have the operation, so the pauses stay short. */
    private Duration missingFor() {
        return Duration.ofMillis(Math.min(1_000, 10 * message.metaData().deliveredCount()));
    }

    /** @return false if NATS refused the event, and the record must be looked at again */
    private boolean start() throws Exception {
        long sentAt = aliveAt;
        long sentAtWall = aliveAtWall;
        try {
            chain.write(chain.starting());
        } catch (Broker.Refused refused) {
            chain.read();
            if (!chain.isLast("started")) {
                boolean taken = chain.isOfAnother() && !chain.hasEnded() && !chain.isUnreadable();
                chain.notStarted();
                return taken;
            }
        }
        attempt(sentAt, sentAtWall);
        return true;
    }

    private void attempt(long sentAt, long sentAtWall) throws Exception {
        long fence = chain.sequence();
        long lost = source.ackWaitMs() * 4 / 5;
        boolean late = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - sentAt) > lost || System.currentTimeMillis() - sentAtWall > lost;
        if (late) look();
        if (worker.notices.isCancelled(job)) outcome.complete(new Outcome.Cancelled());
        long every = Math.max(1, source.ackWaitMs() / 3);
        ScheduledFuture<?> watch = worker.clock.scheduleAtFixedRate(() -> worker.threads.execute(this::look), every, every, TimeUnit.MILLISECONDS);
        Outcome first;
        try {
            int timeout = Math.min(Operations.TIMEOUT_MS, job.timeoutMs == null ? Operations.TIMEOUT_MS : job.timeoutMs);
            first = outcome.isDone() ? outcome.get() : new Attempt(worker, job, chain, fence, outcome).run(operation, timeout);
        } finally {
            watch.cancel(false);
        }
        settle(first);
    }

    /** Looks whether the job is still this delivery's, and whether it was cancelled. */
    private void look() {
        try {
            synchronized (chain) {
                if (outcome.isDone()) return;
                chain.read();
                if (!chain.isOwn()) outcome.complete(new Outcome.Taken());
            }
            if (worker.notices.isStoredCancelled(job)) outcome.complete(new Outcome.Cancelled());
        } catch (InterruptedException stopping) {
            Thread.currentThread().interrupt();
        }
    }

    private void settle(Outcome first) throws Exception {
        if (first instanceof Outcome.Taken) {
            chain.read();
            if (chain.hasEnded()) settleEnded();
        } else if (first instanceof Outcome.Cancelled) {
            end(cancelled());
        } else if (first instanceof Outcome.Returned returned) {
            settleResult(returned.result());
        } else if (first instanceof Outcome.Failed failed) {
            settleFailure(failed);
        } else {
            handBack(chain.event("released", chain.attempt() - 1, chain.released() + 1), Duration.ZERO);
        }
    }

    private void settleResult(JsonNode result) throws Exception {
        ObjectNode event = chain.event("succeeded", chain.attempt(), chain.released());
        event.set("result", result);
        int size;
        try {
            // The event has one level more than the result, so it may be the one that cannot be written.
            Json.bytes(event);
            size = Json.bytes(result).length;
        } catch (RuntimeException tooDeep) {
            end(failed("operation-rejected", "the result has too many levels", chain.attempt()), "");
            return;
        }
        if (size > LARGEST_RESULT || size + ROOM_FOR_HEADERS > worker.broker.connection.getMaxPayload()) {
            end(failed("result-too-large", "the result has " + size + " bytes", chain.attempt()), "");
            return;
        }
        end(event);
    }

    private void settleFailure(Outcome.Failed failure) throws Exception {
        if (failure.isFinal() || chain.attempt() >= maxAttempts) {
            end(failed(failure.code(), failure.message(), chain.attempt()), failure.detail());
            return;
        }
        ObjectNode event = chain.event("retrying", chain.attempt(), chain.released());
        event.putObject("error").put("code", failure.code()).put("message", failure.message());
        event.put("retryInMs", RETRY_IN_MS);
        handBack(event, Duration.ofMillis(RETRY_IN_MS));
    }

    /** Records that the job waits again, and hands it back. A cancel wins. */
    private void handBack(ObjectNode event, Duration delay) throws Exception {
        if (worker.notices.isCancelled(job)) {
            end(cancelled());
            return;
        }
        try {
            chain.write(event);
        } catch (Broker.Refused refused) {
            chain.read();
            if (chain.hasEnded()) {
                settleEnded();
                return;
            }
            if (chain.isOwn() && !chain.isLast(event.get("kind").asText())) {
                handBack(event, delay);
                return;
            }
            if (!chain.isOwn()) return;
        }
        if (delay.isZero()) message.nak();
        else message.nakWithDelay(delay);
    }

    private void holdPaused() throws Exception {
        if (chain.isWaiting()) message.nakWithDelay(PAUSED_FOR);
        else handBack(chain.event("released", chain.spent(), chain.released() + 1), PAUSED_FOR);
    }

    private ObjectNode cancelled() {
        ObjectNode event = chain.event("cancelled", Math.max(chain.attempt(), chain.spent()), chain.released());
        event.putObject("error").put("code", "job-cancelled").put("message", "cancelled by its caller");
        return event;
    }

    private ObjectNode failed(String code, String text, int attempt) {
        ObjectNode event = chain.event("failed", attempt, chain.released());
        event.putObject("error").put("code", code).put("message", text);
        return event;
    }

    private void endSpent() throws Exception {
        end(failed("attempts-spent", "all attempts were started, and none ended", chain.spent()), "");
    }

    private void endUnreadableRecord() throws Exception {
        end(failed("record-unreadable", "the last event of the job cannot be read", 0), "");
    }

    private void endUnreadableMessage() throws Exception {
        if (!job.named) {
            DeadLetter.store(worker.broker, job, "message-invalid", 1, "the subject is not that of a job", "");
            message.term();
            return;
        }
        chain.read();
        end(failed("message-invalid", job.fault, 1), "");
    }

    private void end(ObjectNode event) throws Exception {
        end(event, null);
    }

    /** Stores the end of the job, and answers. `detail` is of the dead letter; null: there is none. */
    private void end(ObjectNode event, String detail) throws Exception {
        boolean taken = false;
        if (detail != null) {
            chain.read();
            if (chain.hasEnded()) {
                settleEnded();
                return;
            }
            JsonNode error = event.get("error");
            DeadLetter.store(worker.broker, job, error.get("code").asText(), event.get("attempt").asInt(), error.get("message").asText(), detail);
        }
        while (true) {
            try {
                chain.write(event);
                break;
            } catch (Broker.Refused refused) {
                chain.read();
                if (chain.isLast(event.get("kind").asText())) break;
                if (chain.hasEnded()) {
                    settleEnded();
                    return;
                }
                taken = chain.isOfAnother();
            }
        }
        Callback.store(worker.broker, job, event);
        if (detail != null && !taken) message.term();
        else message.ack();
    }

    /** The job has ended before: its callback task is stored again, in case its writer died. */
    private void settleEnded() throws InterruptedException {
        JsonNode end = chain.end();
        if (Set.of("succeeded", "failed", "cancelled").contains(end.get("kind").asText())) Callback.store(worker.broker, job, end);
        message.ack();
    }
}
