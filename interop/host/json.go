package host

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Fact is one field of an event or answer.
type Fact struct {
	Key   string
	Value any
}

// F is short for a Fact: events are written as lists of them.
func F(key string, value any) Fact { return Fact{key, value} }

// appendObject writes facts as a JSON object. By hand: a node makes thousands of events a second, and reflection showed.
func appendObject(to []byte, facts []Fact) []byte {
	to = append(to, '{')
	for index, fact := range facts {
		if index > 0 {
			to = append(to, ',')
		}
		to = appendText(to, fact.Key)
		to = append(to, ':')
		to = appendValue(to, fact.Value)
	}
	return append(to, '}')
}

func appendValue(to []byte, value any) []byte {
	switch value := value.(type) {
	case string:
		return appendText(to, value)
	case int:
		return strconv.AppendInt(to, int64(value), 10)
	case int64:
		return strconv.AppendInt(to, value, 10)
	case uint64:
		return strconv.AppendUint(to, value, 10)
	case bool:
		return strconv.AppendBool(to, value)
	case []Fact:
		return appendObject(to, value)
	case []string:
		return appendList(to, value, appendText)
	case []uint64:
		return appendList(to, value, func(to []byte, each uint64) []byte { return strconv.AppendUint(to, each, 10) })
	}
	panic(fmt.Sprintf("No JSON for a fact of type %T", value))
}

func appendList[T any](to []byte, list []T, one func([]byte, T) []byte) []byte {
	to = append(to, '[')
	for index, each := range list {
		if index > 0 {
			to = append(to, ',')
		}
		to = one(to, each)
	}
	return append(to, ']')
}

func appendText(to []byte, text string) []byte {
	for index := 0; index < len(text); index++ {
		if c := text[index]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return append(to, quoted(text)...)
		}
	}
	to = append(to, '"')
	to = append(to, text...)
	return append(to, '"')
}

func quoted(text string) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic("Encode a text: " + err.Error())
	}
	return bytes.TrimRight(buffer.Bytes(), "\n")
}
