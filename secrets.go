package gitlabci

import (
	"fmt"
	"log/slog"
	"reflect"

	"example.com/gitlabci/internal/secret"
)

// A Secret is a text that no way of printing shows, and that [GraphQL] and [Send] take out
// of errors and logs: give one in place of a string in the variables or in the body. It
// has at least 8 characters: shorter ones are not taken out of texts. JSON has the text.
type Secret string

// Format writes the same for every verb.
func (Secret) Format(f fmt.State, verb rune) { secret.New("").Format(f, verb) }

// LogValue is what log/slog writes.
func (Secret) LogValue() slog.Value { return secret.New("").LogValue() }

// secretsIn returns each [Secret] in what is sent as JSON.
func secretsIn(body any) []secret.Value {
	w := secretFinder{seen: map[seenValue]bool{}}
	w.find(reflect.ValueOf(body))
	return w.found
}

// A secretFinder goes through a value. JSON that refers to itself is an error, but later.
type secretFinder struct {
	found []secret.Value
	seen  map[seenValue]bool
}

type seenValue struct {
	at uintptr
	of reflect.Type
}

func (w *secretFinder) find(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		one := seenValue{v.Pointer(), v.Type()}
		if w.seen[one] {
			return
		}
		w.seen[one] = true
	}
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[Secret]() {
			w.found = append(w.found, secret.New(v.String()))
		}
	case reflect.Pointer, reflect.Interface:
		w.find(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			w.find(v.Index(i))
		}
	case reflect.Map:
		for _, value := range v.Seq2() {
			w.find(value)
		}
	case reflect.Struct:
		for _, value := range v.Fields() {
			w.find(value)
		}
	}
}
