import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.apache.tika.io.TikaInputStream;
import org.apache.tika.metadata.Metadata;
import org.apache.tika.parser.AutoDetectParser;
import org.apache.tika.parser.ParseContext;
import org.apache.tika.parser.ocr.TesseractOCRConfig;
import org.apache.tika.parser.pdf.PDFParserConfig;
import org.apache.tika.sax.BodyContentHandler;

/** Reads with the parsers of Apache Tika's server, in one process that is kept, with Tesseract for pictures and scans. */
public class TikaReader {
    public static void main(String[] arguments) throws IOException {
        AutoDetectParser parser = new AutoDetectParser();
        BufferedReader paths = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String path = paths.readLine(); path != null; path = paths.readLine()) {
            String answer;
            try {
                answer = "{\"text\": " + quoted(read(parser, Path.of(path))) + "}";
            } catch (Exception | StackOverflowError | OutOfMemoryError error) {
                answer = "{\"error\": " + quoted(error.toString()) + "}";
            }
            answers.println("@@ " + answer);
        }
    }

    private static String read(AutoDetectParser parser, Path path) throws Exception {
        BodyContentHandler text = new BodyContentHandler(-1);
        Metadata metadata = new Metadata();
        ParseContext context = new ParseContext();
        PDFParserConfig pdf = new PDFParserConfig();
        pdf.setOcrStrategy(PDFParserConfig.OCR_STRATEGY.AUTO);
        context.set(PDFParserConfig.class, pdf);
        context.set(TesseractOCRConfig.class, new TesseractOCRConfig());
        try (TikaInputStream content = TikaInputStream.get(path, metadata)) {
            parser.parse(content, text, metadata, context);
        }
        return text.toString();
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char character : text.toCharArray()) {
            if (character == '"' || character == '\\') {
                quoted.append('\\').append(character);
            } else if (character < ' ' || Character.isSurrogate(character) || character > '~') {
                quoted.append(String.format("\\u%04x", (int) character));
            } else {
                quoted.append(character);
            }
        }
        return quoted.append('"').toString();
    }
}
