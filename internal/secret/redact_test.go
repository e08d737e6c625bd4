package secret

import (
	"strings"
	"testing"
)

func redacts(t *testing.T, text, want string, secrets ...Value) {
	t.Helper()
	if got := Redact(text, secrets); got != want {
		t.Errorf("of %.100q, got %.100q, want %.100q", text, got, want)
	}
}

// Secrets are found however a server writes them.
func TestRedactFindsSecretsInOtherForms(t *testing.T) {
	const token = "glpat-Invented/Token+1"
	for name, text := range map[string]string{
		"plain":                        "a " + token + " b",
		"in capitals":                  "a " + strings.ToUpper(token) + " b",
		"in small letters":             "a " + strings.ToLower(token) + " b",
		"split by tags":                "a glpat-<b>Invented</b>/Tok<wbr>en+1 b",
		"split by a tag with values":   `a glpat-<a href="x" title='y'>Invented/Token+1 b`,
		"split by lines":               "a glpat-\n  Invented/Token+1 b",
		"split by control characters":  "a glpat-\x1b\x08Inv\u200bented/Token+1 b",
		"in a URL":                     "a glpat-Invented%2FToken%2B1 b",
		"in a URL, with small escapes": "a glpat-Invented%2fToken%2b1 b",
		"with escapes of letters":      "a %67lpat&#45;Inv&#x65;nted&#047;Tok\\u0065n%2B1 b",
		"with escapes of escapes":      "a %252567lpat&amp;#45;Invented%252FToken\\\\u002b1 b",
		"with escapes and tags":        "a glpat%2D<b>Invented</b>/Token&#43;1 b",
		"with escaped slashes":         `a glpat-Invented\/Token+1 b`,
		"with slashes escaped twice":   `a glpat-Invented\\/Token+1 b`,
		"with a Kelvin sign":           "a glpat-Invented/To\u212aen+1 b",
	} {
		if got := Redact(text, []Value{New(token)}); got != "a [REDACTED] b" {
			t.Errorf("%s: got %q", name, got)
		}
	}
	redacts(t, "a x&lt;y&gt;z&amp;12345 b", "a [REDACTED] b", New("x<y>z&12345"))
	redacts(t, "a x<y>z&12345 b", "a [REDACTED] b", New("x<y>z&12345"))
	redacts(t, `a line\n\"two\" b`, `a [REDACTED] b`, New("line\n\"two\""))
	redacts(t, token+token, "[REDACTED][REDACTED]", New(token), New(token[3:]))
}

// The characters beside a secret stay, whatever they are.
func TestRedactKeepsTheRest(t *testing.T) {
	secrets := []Value{New("invented-token"), New("short"), New(""), New("  \n ")}
	for _, text := range []string{"", "<", "a < b > c", "é\xff\u212a", "a short text", "invented-t", "%", "&#;", `\u`, "%zz&#x;&#999;\\u1234", "<b>invented</b> token", "invented–token"} {
		redacts(t, text, text, secrets...)
	}
	redacts(t, "é\xffinvented-token\xff<b>é", "é\xff[REDACTED]\xff<b>é", secrets...)
}

// A text may end before the secret does: most of it is no less secret.
func TestRedactTheBeginningOfASecret(t *testing.T) {
	long := strings.Repeat("0123456789abcdef-", 6000)
	redacts(t, "value: "+long[:64<<10], "value: [REDACTED]", New(long))
	redacts(t, "value: "+long[:40], "value: [REDACTED]", New(long))
	redacts(t, "value: 0123456789", "value: 0123456789", New(long)) // or it would be a word like any other
	redacts(t, "token: invented-to", "token: [REDACTED]", New("invented-token"))
	redacts(t, `"invented-to…" Invented-toke… invented-token inv…`, `"[REDACTED]…" [REDACTED]… [REDACTED] inv…`, New("invented-token"))
	redacts(t, `"invented-to..." Invented-toke... invented...token in...`, `"[REDACTED]..." [REDACTED]... invented...token in...`, New("invented-token"))
	redacts(t, "a invented...token b", "a [REDACTED] b", New("invented...token")) // it is not cut there
	redacts(t, "token: invented-t", "token: invented-t", New("invented-token"))
}

// Many long secrets and a long text that looks like them cost no more than their
// lengths: this test would take minutes otherwise.
func TestRedactManyLongSecrets(t *testing.T) {
	var secrets []Value
	for range 200 {
		secrets = append(secrets, New(strings.Repeat("aaaaaaaaab", 10_000)))
	}
	redacts(t, "no", "no", secrets...)
	for _, escape := range []string{`\`, "%25", "&amp;", "&", "%"} {
		text := strings.Repeat(escape, 64<<10/len(escape))
		redacts(t, text, text, secrets[:1]...)
	}
	text := strings.Repeat("a", 64<<10)
	redacts(t, text, text, secrets[:20]...)
}

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"é 世界 \u200d":                       "é 世界 \u200d", // what people write stays
		"a\nb\r\tc\x00\a\b\x1b[2J\x7f":      `a\nb\r\tc\x00\x07\x08\x1b[2J\x7f`,
		"\u009b31m\u0085\u2028\u202e\u2066": `\u009b31m\u0085\u2028\u202e\u2066`,
	} {
		if got := Escape(text); got != want {
			t.Errorf("of %q, got %q, want %q", text, got, want)
		}
	}
}
