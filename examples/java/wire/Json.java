import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** JSON in UTF-8, read strictly, and times as the protocol writes them. */
final class Json {
    private static final ObjectMapper MAPPER = JsonMapper.builder()
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
        .build();

    private Json() {}

    /** @return the value; null of JSON for an empty body. @throws IllegalArgumentException if it is not JSON in UTF-8 */
    static JsonNode parse(byte[] body) {
        if (body == null || body.length == 0) return NullNode.getInstance();
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
            JsonNode value = MAPPER.readTree(text);
            if (value.isMissingNode()) throw new IllegalArgumentException("the body is blank");
            return value;
        } catch (CharacterCodingException | JacksonException error) {
            throw new IllegalArgumentException("the body is not JSON in UTF-8", error);
        }
    }

    static byte[] bytes(JsonNode value) {
        return value.toString().getBytes(StandardCharsets.UTF_8);
    }

    static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    /** A JSON string in ASCII of the first `limit` characters. */
    static String asciiText(String text, int limit) {
        StringBuilder out = new StringBuilder();
        String quoted = JsonNodeFactory.instance.textNode(text.substring(0, Math.min(limit, text.length()))).toString();
        for (char c : quoted.toCharArray()) out.append(c < 127 ? String.valueOf(c) : String.format("\\u%04x", (int) c));
        return out.toString();
    }

    /** Now, in UTC, with milliseconds. */
    static String now() {
        return time(Instant.now());
    }

    static String time(Instant instant) {
        Instant whole = instant.truncatedTo(ChronoUnit.MILLIS);
        return String.format("%s.%03dZ", whole.truncatedTo(ChronoUnit.SECONDS).toString().replace("Z", ""), Math.floorMod(whole.toEpochMilli(), 1000));
    }
}
