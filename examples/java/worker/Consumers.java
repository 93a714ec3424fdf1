import io.nats.client.ConsumerContext;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.Message;
import io.nats.client.api.AckPolicy;
import io.nats.client.api.ConsumerConfiguration;
import io.nats.client.api.ConsumerInfo;
import io.nats.client.api.DeliverPolicy;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** The 32 durable consumers of a worker group, and the loops that take messages from them. */
final class Consumers {
    private static final int MISSING = 10014;
    private static final int EXISTS_OTHERWISE = 10148;
    private static final Duration ASK_FOR = Duration.ofSeconds(5);

    private record Lane(String priority, String name) {}

    /** A consumer: its name, when it was made, and the ack wait that holds. */
    record Source(String name, Instant created, long ackWaitMs) {}

    private Consumers() {}

    private static List<Lane> lanes() {
        List<Lane> lanes = new ArrayList<>();
        for (String priority : List.of("high", "normal", "low")) {
            for (String lane : List.of("p0", "p1", "p2", "p3", "b0", "b1", "l0", "l1")) lanes.add(new Lane(priority, lane));
        }
        for (int lane = 0; lane < 8; lane++) lanes.add(new Lane("normal", "o" + lane));
        return lanes;
    }

    /** Makes the consumers that are missing. @return a loop for each */
    static List<Runnable> loops(Worker worker) throws IOException, JetStreamApiException {
        JetStreamManagement manager = worker.broker.connection.jetStreamManagement();
        List<Runnable> loops = new ArrayList<>();
        for (Lane lane : lanes()) {
            ConsumerInfo info = consumer(manager, wanted(worker.settings, lane));
            long ackWaitMs = info.getConsumerConfiguration().getAckWait().toMillis();
            Source source = new Source(info.getName(), info.getCreationTime().toInstant(), ackWaitMs);
            loops.add(() -> take(worker, source));
        }
        return loops;
    }

    private static ConsumerConfiguration wanted(Settings settings, Lane lane) {
        int pending = lane.name().startsWith("o") ? 1 : lane.name().startsWith("l") ? -1 : 1_000_000;
        return ConsumerConfiguration.builder()
            .durable(settings.group() + "-" + lane.priority() + "-" + lane.name())
            .filterSubjects(settings.filters().subjects(lane.priority(), lane.name()))
            .ackPolicy(AckPolicy.Explicit).deliverPolicy(DeliverPolicy.All).maxDeliver(-1)
            .ackWait(settings.ackWaitMs()).maxAckPending(pending).build();
    }

    private static ConsumerInfo consumer(JetStreamManagement manager, ConsumerConfiguration wanted) throws IOException, JetStreamApiException {
        try {
            return checked(manager.getConsumerInfo("JOBS", wanted.getDurable()), wanted);
        } catch (JetStreamApiException error) {
            if (error.getApiErrorCode() != MISSING) throw error;
        }
        try {
            return manager.createConsumer("JOBS", wanted);
        } catch (JetStreamApiException error) {
            if (error.getApiErrorCode() != EXISTS_OTHERWISE) throw error;
            return checked(manager.getConsumerInfo("JOBS", wanted.getDurable()), wanted);
        }
    }

    private static ConsumerInfo checked(ConsumerInfo info, ConsumerConfiguration wanted) {
        Set<String> filters = new TreeSet<>(info.getConsumerConfiguration().getFilterSubjects());
        if (!filters.equals(new TreeSet<>(wanted.getFilterSubjects()))) throw new IllegalStateException("the consumer " + info.getName() + " takes " + filters);
        return info;
    }

    private static void take(Worker worker, Source source) {
        while (!worker.isStopping()) {
            try {
                ConsumerContext consumer = worker.broker.connection.getConsumerContext("JOBS", source.name());
                while (!worker.isStopping()) {
                    Message message = consumer.next(ASK_FOR);
                    if (message != null) worker.deliver(message, source);
                }
            } catch (InterruptedException stopping) {
                return;
            } catch (Exception error) {
                if (!worker.isStopping()) worker.pauseAfter(error);
            }
        }
    }
}
