package lenient

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"unicode/utf8"
)

// Encode writes v as JSON, the same value always in the same way. Text that is not
// UTF-8 is an error: the server would get another text.
func Encode(v any) ([]byte, error) {
	if !isText(reflect.ValueOf(v)) {
		return nil, errors.New("a text is not valid UTF-8")
	}
	var data bytes.Buffer
	to := json.NewEncoder(&data)
	to.SetEscapeHTML(false)
	if err := to.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(data.Bytes(), []byte("\n")), nil
}

// isText reports whether all texts in v are valid UTF-8.
func isText(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return utf8.ValidString(v.String())
	case reflect.Pointer, reflect.Interface:
		return isText(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			if !isText(v.Index(i)) {
				return false
			}
		}
	case reflect.Map:
		for name, value := range v.Seq2() {
			if !isText(name) || !isText(value) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !isText(v.Field(i)) {
				return false
			}
		}
	}
	return true
}
