package secret

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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
		require.Equal(t, "a [REDACTED] b", Redact(text, []Value{New(token)}), name)
	}
	require.Equal(t, "a [REDACTED] b", Redact("a x&lt;y&gt;z&amp;12345 b", []Value{New("x<y>z&12345")}))
	require.Equal(t, "a [REDACTED] b", Redact("a x<y>z&12345 b", []Value{New("x<y>z&12345")}))
	require.Equal(t, `a [REDACTED] b`, Redact(`a line\n\"two\" b`, []Value{New("line\n\"two\"")}))
	require.Equal(t, "[REDACTED][REDACTED]", Redact(token+token, []Value{New(token), New(token[3:])}))
}

// The characters beside a secret stay, whatever they are.
func TestRedactKeepsTheRest(t *testing.T) {
	secrets := []Value{New("invented-token"), New("short"), New(""), New("  \n ")}
	for _, text := range []string{"", "<", "a < b > c", "é\xff\u212a", "a short text", "invented-t", "%", "&#;", `\u`, "%zz&#x;&#999;\\u1234", "<b>invented</b> token", "invented–token"} {
		require.Equal(t, text, Redact(text, secrets))
	}
	require.Equal(t, "é\xff[REDACTED]\xff<b>é", Redact("é\xffinvented-token\xff<b>é", secrets))
}

// A text may end before the secret does: most of it is no less secret.
func TestRedactTheBeginningOfASecret(t *testing.T) {
	long := strings.Repeat("0123456789abcdef-", 6000)
	require.Equal(t, "value: [REDACTED]", Redact("value: "+long[:64<<10], []Value{New(long)}))
	require.Equal(t, "value: [REDACTED]", Redact("value: "+long[:40], []Value{New(long)}))
	require.Equal(t, "value: 0123456789", Redact("value: 0123456789", []Value{New(long)}), "or it would be a word like any other")
	require.Equal(t, "token: [REDACTED]", Redact("token: invented-to", []Value{New("invented-token")}))
	require.Equal(t, `"[REDACTED]…" [REDACTED]… [REDACTED] inv…`, Redact(`"invented-to…" Invented-toke… invented-token inv…`, []Value{New("invented-token")}))
	require.Equal(t, `"[REDACTED]..." [REDACTED]... invented...token in...`, Redact(`"invented-to..." Invented-toke... invented...token in...`, []Value{New("invented-token")}))
	require.Equal(t, "a [REDACTED] b", Redact("a invented...token b", []Value{New("invented...token")}), "it is not cut there")
	require.Equal(t, "token: invented-t", Redact("token: invented-t", []Value{New("invented-token")}))
}

// Many long secrets and a long text that looks like them cost no more than their
// lengths: this test would take minutes otherwise.
func TestRedactManyLongSecrets(t *testing.T) {
	var secrets []Value
	for range 200 {
		secrets = append(secrets, New(strings.Repeat("aaaaaaaaab", 10_000)))
	}
	require.Equal(t, "no", Redact("no", secrets))
	for _, escape := range []string{`\`, "%25", "&amp;", "&", "%"} {
		text := strings.Repeat(escape, 64<<10/len(escape))
		require.Equal(t, text, Redact(text, secrets[:1]))
	}
	text := strings.Repeat("a", 64<<10)
	require.Equal(t, text, Redact(text, secrets[:20]))
}

func TestEscape(t *testing.T) {
	require.Equal(t, "é 世界 \u200d", Escape("é 世界 \u200d"), "what people write stays")
	require.Equal(t, `a\nb\r\tc\x00\x07\x08\x1b[2J\x7f`, Escape("a\nb\r\tc\x00\a\b\x1b[2J\x7f"))
	require.Equal(t, `\u009b31m\u0085\u2028\u202e\u2066`, Escape("\u009b31m\u0085\u2028\u202e\u2066"))
}
