package specschema

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// schema is a JSON schema with the keywords that the specification uses. What it says of formats is for readers.
type schema struct {
	Ref                  string             `json:"$ref"`
	Type                 names              `json:"type"`
	Enum                 []any              `json:"enum"`
	Pattern              pattern            `json:"pattern"`
	MaxLength            *int               `json:"maxLength"`
	Properties           map[string]*schema `json:"properties"`
	PatternProperties    map[string]*schema `json:"patternProperties"`
	AdditionalProperties *additional        `json:"additionalProperties"`
	PropertyNames        *schema            `json:"propertyNames"`
	Required             []string           `json:"required"`
	MinProperties        int                `json:"minProperties"`
	MaxProperties        *int               `json:"maxProperties"`
	Items                *schema            `json:"items"`
	MinItems             int                `json:"minItems"`
	MaxItems             *int               `json:"maxItems"`
	AllOf                []*schema          `json:"allOf"`
	OneOf                []*schema          `json:"oneOf"`
	AnyOf                []*schema          `json:"anyOf"`

	named map[string]*regexp.Regexp // the keys of PatternProperties
}

// names is one name or a list of them.
type names []string

func (n *names) UnmarshalJSON(b []byte) error {
	if b[0] != '[' {
		*n = make(names, 1)
		return json.Unmarshal(b, &(*n)[0])
	}
	return json.Unmarshal(b, (*[]string)(n))
}

type pattern struct{ *regexp.Regexp }

func (p *pattern) UnmarshalText(b []byte) (err error) {
	p.Regexp, err = regexp.Compile(string(b))
	return err
}

// additional is a schema, or whether there may be further members at all.
type additional struct {
	schema
	none bool
}

func (a *additional) UnmarshalJSON(b []byte) error {
	if b[0] == '{' {
		return json.Unmarshal(b, &a.schema)
	}
	a.none = string(b) == "false"
	return nil
}

func (s *schema) UnmarshalJSON(b []byte) error {
	type plain schema
	if err := json.Unmarshal(b, (*plain)(s)); err != nil {
		return err
	}
	s.named = make(map[string]*regexp.Regexp, len(s.PatternProperties))
	for expression := range s.PatternProperties {
		compiled, err := regexp.Compile(expression)
		if err != nil {
			return err
		}
		s.named[expression] = compiled
	}
	return nil
}

// judge holds values against schemas and remembers what is wrong.
type judge struct {
	schemas map[string]*schema
	faults  []string
}

func (j *judge) fault(path, format string, args ...any) {
	j.faults = append(j.faults, "$"+path+": "+fmt.Sprintf(format, args...))
}

// check holds a value (as encoding/json decodes it with UseNumber) against a schema.
func (j *judge) check(s *schema, value any, path string) {
	if s.Ref != "" {
		target, ok := j.schemas[s.Ref]
		if !ok {
			j.fault(path, "the schema %s is missing", s.Ref)
			return
		}
		j.check(target, value, path)
	}
	for _, part := range s.AllOf {
		j.check(part, value, path)
	}
	if len(s.AnyOf) > 0 && j.fitting(s.AnyOf, value) == 0 || len(s.OneOf) > 0 && j.fitting(s.OneOf, value) == 0 {
		j.fault(path, "%.80v fits none of the alternatives", value)
	}
	if len(s.Type) > 0 && !slices.ContainsFunc(s.Type, func(name string) bool { return is(name, value) }) {
		j.fault(path, "%.80v is no %s", value, strings.Join(s.Type, " or "))
		return
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, value) {
		j.fault(path, "%.80v is none of %v", value, s.Enum)
	}
	switch v := value.(type) {
	case string:
		j.text(s, v, path)
	case []any:
		j.array(s, v, path)
	case map[string]any:
		j.object(s, v, path)
	}
}

// fitting counts the alternatives that a value fits.
func (j *judge) fitting(alternatives []*schema, value any) (n int) {
	for _, s := range alternatives {
		try := judge{schemas: j.schemas}
		if try.check(s, value, ""); len(try.faults) == 0 {
			n++
		}
	}
	return n
}

func is(name string, value any) bool {
	switch v := value.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case json.Number:
		return name == "number" || name == "integer" && !strings.ContainsAny(v.String(), ".eE")
	case []any:
		return name == "array"
	}
	return name == "object"
}

func (j *judge) text(s *schema, text, path string) {
	if s.Pattern.Regexp != nil && !s.Pattern.MatchString(text) {
		j.fault(path, "%.80q does not match %s", text, s.Pattern)
	}
	if s.MaxLength != nil && len([]rune(text)) > *s.MaxLength {
		j.fault(path, "longer than %d characters", *s.MaxLength)
	}
}

func (j *judge) array(s *schema, array []any, path string) {
	if len(array) < s.MinItems || s.MaxItems != nil && len(array) > *s.MaxItems {
		j.fault(path, "an array of %d", len(array))
	}
	for i, item := range array {
		if s.Items != nil {
			j.check(s.Items, item, fmt.Sprintf("%s[%d]", path, i))
		}
	}
}

func (j *judge) object(s *schema, object map[string]any, path string) {
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			j.fault(path, "%s is missing", name)
		}
	}
	if len(object) < s.MinProperties || s.MaxProperties != nil && len(object) > *s.MaxProperties {
		j.fault(path, "an object of %d", len(object))
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		j.member(s, name, object[name], path+"."+name)
	}
}

func (j *judge) member(s *schema, name string, value any, path string) {
	known, ok := s.Properties[name]
	if ok {
		j.check(known, value, path)
	}
	for expression, inner := range s.PatternProperties {
		if s.named[expression].MatchString(name) {
			ok = true
			j.check(inner, value, path)
		}
	}
	if s.PropertyNames != nil {
		j.check(s.PropertyNames, name, path)
	}
	switch {
	case ok || s.AdditionalProperties == nil:
	case s.AdditionalProperties.none:
		j.fault(path, "there should be no such member")
	default:
		j.check(&s.AdditionalProperties.schema, value, path)
	}
}
