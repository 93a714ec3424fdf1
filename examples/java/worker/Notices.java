import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;

/** What others tell a worker while it works: cancel notices and pauses. */
final class Notices {
    private static final int REMEMBERED = 10_000;
    private static final String PAUSE = "$KV.OPERATIONS._paused.";

    private final Broker broker;
    private final Set<String> paused = ConcurrentHashMap.newKeySet();
    /** The highest sequence that a notice named, by `<tenant>.<jobId>`. */
    private final Map<String, Long> cancelled = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
            return size() > REMEMBERED;
        }
    };

    /** @param onCancel gets `<tenant>.<jobId>` and the sequence of each notice */
    Notices(Broker broker, BiConsumer<String, Long> onCancel) throws InterruptedException {
        this.broker = broker;
        broker.connection.createDispatcher().subscribe("cancel.>", message -> {
            String sequence = message.hasHeaders() ? message.getHeaders().getFirst("throughline-job-sequence") : null;
            String job = message.getSubject().substring("cancel.".length());
            remember(job, number(sequence));
            onCancel.accept(job, number(sequence));
        });
        broker.connection.createDispatcher().subscribe(PAUSE + ">", message -> setPause(message.getSubject(), message.getData()));
        readPauses();
    }

    private static long number(String text) {
        long sequence = text != null && text.matches("[0-9]{1,16}") ? Long.parseLong(text) : 0;
        return sequence < 1L << 53 ? sequence : 0;
    }

    private synchronized void remember(String job, long sequence) {
        cancelled.merge(job, sequence, Math::max);
    }

    /** Whether this host has seen a cancel notice for the job's message. */
    synchronized boolean isCancelled(Job job) {
        return cancelled.getOrDefault(job.tenant + "." + job.id, 0L) >= job.sequence;
    }

    /** The same, after a look at the stored notice. */
    boolean isStoredCancelled(Job job) throws InterruptedException {
        broker.last("CANCELS", "cancel." + job.tenant + "." + job.id)
            .ifPresent(notice -> remember(job.tenant + "." + job.id, number(notice.header("throughline-job-sequence"))));
        return isCancelled(job);
    }

    boolean isPaused(String operation) {
        return paused.contains(operation);
    }

    /** Reads all pauses. A worker does it at its start, and after each reconnect. */
    void readPauses() throws InterruptedException {
        long sequence = 1;
        while (true) {
            Optional<Broker.Stored> key = broker.next("KV_OPERATIONS", sequence, PAUSE + ">");
            if (key.isEmpty()) return;
            setPause(key.get().subject(), key.get().body());
            sequence = key.get().sequence() + 1;
        }
    }

    private void setPause(String subject, byte[] body) {
        String operation = subject.substring(PAUSE.length());
        try {
            JsonNode value = Json.parse(body);
            if (value.path("paused").asBoolean()) paused.add(operation);
            else paused.remove(operation);
        } catch (IllegalArgumentException error) {
            System.err.println("the pause of " + operation + " cannot be read");
        }
    }
}
