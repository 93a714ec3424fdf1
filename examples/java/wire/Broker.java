import com.fasterxml.jackson.databind.JsonNode;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.api.PublishAck;
import io.nats.client.impl.ErrorListenerLoggerImpl;
import io.nats.client.impl.Headers;
import io.nats.client.impl.NatsMessage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/** Writes to and reads from JetStream. It tries again while the broker is away. */
final class Broker {
    /** NATS refused an event, because it does not follow the last one. */
    @SuppressWarnings("serial")
    static final class Refused extends Exception {}

    /** One stored message. */
    record Stored(long sequence, String subject, String headers, byte[] body) {
        /** The value of a header, or null. */
        String header(String name) {
            for (String line : headers.split("\r\n")) {
                int colon = line.indexOf(':');
                if (colon > 0 && line.substring(0, colon).equalsIgnoreCase(name)) return line.substring(colon + 1).trim();
            }
            return null;
        }
    }

    private static final Set<Integer> WRONG_SEQUENCE = Set.of(10071, 10164);
    private static final int NO_MESSAGE = 10037;
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(2);

    final Connection connection;

    Broker(Connection connection) {
        this.connection = connection;
    }

    /** Connects, or ends the program with a sentence. */
    static Connection connect(Options.Builder options, String url) throws InterruptedException {
        AtomicReference<Exception> last = new AtomicReference<>();
        AtomicBoolean connected = new AtomicBoolean();
        options.errorListener(new ErrorListenerLoggerImpl() {
            @Override
            public void exceptionOccurred(Connection connection, Exception exception) {
                last.set(exception);
                if (connected.get()) super.exceptionOccurred(connection, exception);
            }
        });
        try {
            Connection connection = Nats.connect(options.server(url).dataPortType(AsciiHeaders.class.getName()).build());
            connected.set(true);
            return connection;
        } catch (IOException error) {
            // The message of this error has the password. What came before it says why.
            String address = url.substring(url.lastIndexOf('@') + 1);
            System.err.println("NATS at " + address + " cannot be reached: " + (last.get() == null ? "no answer" : last.get().getMessage()));
            System.exit(1);
            throw new IllegalStateException("the program has ended", error);
        }
    }

    /** Stores a message, and waits for its acknowledgement. */
    PublishAck store(String subject, Headers headers, byte[] body) throws Refused, InterruptedException {
        Message message = NatsMessage.builder().subject(subject).headers(headers).data(body).build();
        while (true) {
            try {
                return connection.jetStream().publish(message);
            } catch (JetStreamApiException error) {
                if (WRONG_SEQUENCE.contains(error.getApiErrorCode())) throw new Refused();
                System.err.println("NATS refused a message on " + subject + ": " + error.getMessage());
            } catch (IOException error) {
                System.err.println("NATS did not answer a message on " + subject + ": " + error.getMessage());
            }
            Thread.sleep(250);
        }
    }

    /** Stores a message that expects no sequence. */
    PublishAck storeAlways(String subject, Headers headers, byte[] body) throws InterruptedException {
        try {
            return store(subject, headers, body);
        } catch (Refused impossible) {
            throw new IllegalStateException("a message without an expected sequence was refused", impossible);
        }
    }

    /** The last message on a subject, from the leader of the stream. */
    Optional<Stored> last(String stream, String subject) throws InterruptedException {
        return get(stream, Json.object().put("last_by_subj", subject));
    }

    /** The first message from a sequence on whose subject fits. */
    Optional<Stored> next(String stream, long sequence, String filter) throws InterruptedException {
        return get(stream, Json.object().put("seq", sequence).put("next_by_subj", filter));
    }

    private Optional<Stored> get(String stream, JsonNode request) throws InterruptedException {
        while (true) {
            Message answer = connection.request("$JS.API.STREAM.MSG.GET." + stream, Json.bytes(request), ANSWER_WITHIN);
            if (answer != null && answer.getData().length > 0) {
                JsonNode value = Json.parse(answer.getData());
                if (value.has("message")) return Optional.of(stored(value.get("message")));
                if (value.path("error").path("err_code").asInt() == NO_MESSAGE) return Optional.empty();
                System.err.println("NATS cannot read " + stream + ": " + value);
            }
            Thread.sleep(250);
        }
    }

    private static Stored stored(JsonNode message) {
        Base64.Decoder base64 = Base64.getDecoder();
        String headers = new String(base64.decode(message.path("hdrs").asText()), StandardCharsets.UTF_8);
        return new Stored(message.get("seq").asLong(), message.get("subject").asText(), headers, base64.decode(message.path("data").asText()));
    }
}
