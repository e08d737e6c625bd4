package gitlabci

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"example.com/gitlabci/internal/secret"
)

// A Secret is a string that is never printed. [GraphQL] and [Send] also remove it from
// errors and logs. Use it in place of a string in variables or in a body. Give it at least
// 8 characters: shorter secrets are not removed from texts. In JSON, it is the string.
type Secret string

// Format writes the same for every verb.
func (Secret) Format(f fmt.State, verb rune) { secret.New("").Format(f, verb) }

// LogValue is what log/slog writes.
func (Secret) LogValue() slog.Value { return secret.New("").LogValue() }

// secretsIn returns each [Secret] in what is sent as JSON.
func secretsIn(body any) []secret.Value {
	f := secretFinder{seen: map[seenValue]bool{}}
	f.find(reflect.ValueOf(body))
	return f.found
}

// variableSecrets are the lines of the values of variables, since the lines of a message are
// joined before it is printed.
func variableSecrets(variables []*Variable) []secret.Value {
	var secrets []secret.Value
	for _, v := range variables {
		if v != nil { // refused elsewhere
			secrets = append(secrets, secretLines(v.Value)...)
		}
	}
	return secrets
}

// secretLines are the lines of a value that are long enough to be taken out of texts.
func secretLines(value string) (secrets []secret.Value) {
	for line := range strings.Lines(value) {
		line = strings.TrimSpace(line)
		if len(line) >= secret.Shortest {
			secrets = append(secrets, secret.New(line))
		}
	}
	return secrets
}

// A secretFinder goes through a value. A value that contains itself cannot be JSON, but that
// is an error of the encoder.
type secretFinder struct {
	found []secret.Value
	seen  map[seenValue]bool
}

type seenValue struct {
	at  uintptr
	of  reflect.Type
	len int // of a slice: two may begin with the same element
}

func (f *secretFinder) find(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		one := seenValue{at: v.Pointer(), of: v.Type()}
		if v.Kind() == reflect.Slice {
			one.len = v.Len()
		}
		if f.seen[one] {
			return
		}
		f.seen[one] = true
	}
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[Secret]() {
			f.found = append(f.found, secret.New(v.String()))
		}
	case reflect.Pointer, reflect.Interface:
		f.find(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			f.find(v.Index(i))
		}
	case reflect.Map:
		for _, value := range v.Seq2() {
			f.find(value)
		}
	case reflect.Struct:
		for _, value := range v.Fields() {
			f.find(value)
		}
	}
}

// secretParameters must not be in a URL, where proxies would log them.
var secretParameters = []string{"private_token", "access_token", "job_token", "token"}

// These methods keep secrets out of what fmt and log/slog print of options and variables.
// Requests, and encoding/json, have them.

// redactedText is how a text that can be a secret is printed.
func redactedText(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprint(secret.New(""))
}

// redactedPointer does not show where the text is either.
func redactedPointer(text *string) *string {
	if text == nil {
		return nil
	}
	return new(redactedText(*text))
}

// logged is how log/slog writes options, with any handler.
func logged(options any) slog.Value { return slog.StringValue(fmt.Sprintf("%+v", options)) }

// Format prints the variable without its value.
func (v Variable) Format(f fmt.State, verb rune) {
	v.Value = redactedText(v.Value)
	type plain Variable // which has no Format
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(v))
}

// LogValue is what log/slog writes.
func (v Variable) LogValue() slog.Value { return logged(v) }

// Format prints the variable without its value.
func (v CIVariable) Format(f fmt.State, verb rune) {
	v.Value = redactedText(v.Value)
	type plain CIVariable // which has no Format
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(v))
}

// LogValue is what log/slog writes.
func (v CIVariable) LogValue() slog.Value { return logged(v) }

// LogValue is what log/slog writes.
func (o CreatePipelineOptions) LogValue() slog.Value { return logged(o) }

// LogValue is what log/slog writes.
func (o TriggerPipelineOptions) LogValue() slog.Value { return logged(o) }

// LogValue is what log/slog writes.
func (o PlayJobOptions) LogValue() slog.Value { return logged(o) }

// Format prints the options without the token.
func (o RunOptions) Format(f fmt.State, verb rune) {
	o.TriggerToken = redactedText(o.TriggerToken)
	type plain RunOptions // which has no Format
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}

// LogValue is what log/slog writes.
func (o RunOptions) LogValue() slog.Value { return logged(o) }

// Format prints the options without the secrets.
func (o SendOptions) Format(f fmt.State, verb rune) {
	if len(o.Secrets) > 0 {
		o.Secrets = []string{redactedText(o.Secrets[0])}
	}
	type plain SendOptions // which has no Format
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}

// LogValue is what log/slog writes.
func (o SendOptions) LogValue() slog.Value { return logged(o) }

// Format prints the header or the variable without its value.
func (v WebhookValue) Format(f fmt.State, verb rune) {
	v.Value = redactedText(v.Value)
	type plain WebhookValue // which has no Format
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(v))
}

// LogValue is what log/slog writes.
func (v WebhookValue) LogValue() slog.Value { return logged(v) }

// Format prints the options without the tokens.
func (o WebhookOptions) Format(f fmt.State, verb rune) {
	o.Token, o.SigningToken = redactedPointer(o.Token), redactedPointer(o.SigningToken)
	type plain WebhookOptions // which has no Format
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}

// LogValue is what log/slog writes.
func (o WebhookOptions) LogValue() slog.Value { return logged(o) }
