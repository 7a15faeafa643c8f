package e2e_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	_ "google.golang.org/protobuf/types/known/timestamppb" // messages.txt names it

	"slipway/internal/servertest"
)

// A wire is the contract as an existing client has it compiled in: messages
// made from the facts in testdata/messages.txt, not from our .proto files, so
// that a number that is wrong in ours shows.
type wire struct{ file protoreflect.FileDescriptor }

const wirePackage = "bytebase.v1"

var (
	wireMessage = regexp.MustCompile(`^- ([\w.]+) \{ (.*?) ?\}$`)
	wireField   = regexp.MustCompile(`^(\d+) (\w+) (?:(repeated|optional) )?(?:map<(\w+),(\w+)>|([\w.]+))(?: oneof:(\w+))?$`)
)

func readWire(t testing.TB) wire {
	t.Helper()
	text, err := os.ReadFile("testdata/messages.txt")
	if err != nil {
		t.Fatal(err)
	}
	messages, enums, _ := strings.Cut(string(text), "# Enums")
	b := &wireBuilder{
		t: t, file: &descriptorpb.FileDescriptorProto{
			Name: proto.String("facts.proto"), Package: proto.String(wirePackage), Syntax: proto.String("proto3"),
			Dependency: []string{"google/protobuf/timestamp.proto"},
		},
		messages: map[string]*descriptorpb.DescriptorProto{}, enums: map[string]bool{},
	}
	for name := range listed(t, messages) {
		b.messages[name] = &descriptorpb.DescriptorProto{Name: proto.String(name[strings.LastIndexByte(name, '.')+1:])}
	}
	for name, values := range listed(t, enums) {
		b.addEnum(name, values)
	}
	for name, fields := range listed(t, messages) {
		b.addMessage(name, fields)
	}
	file, err := protodesc.NewFile(b.file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatalf("messages.txt: %v", err)
	}
	return wire{file}
}

// listed reads the entries of a list in messages.txt with their parts.
func listed(t testing.TB, text string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for line := range strings.Lines(text) {
		m := wireMessage.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		all[m[1]] = nil
		if m[2] != "" {
			all[m[1]] = strings.Split(m[2], " ; ")
		}
	}
	if len(all) == 0 {
		t.Fatal("messages.txt lists nothing")
	}
	return all
}

// A wireBuilder makes a file's descriptor from lists.
type wireBuilder struct {
	t        testing.TB
	file     *descriptorpb.FileDescriptorProto
	messages map[string]*descriptorpb.DescriptorProto
	enums    map[string]bool
}

func (b *wireBuilder) addEnum(name string, values []string) {
	b.t.Helper()
	b.enums[name] = true
	parent, own, nested := cutLast(name)
	e := &descriptorpb.EnumDescriptorProto{Name: proto.String(own)}
	for _, v := range values {
		number, label, _ := strings.Cut(v, " ")
		e.Value = append(e.Value, &descriptorpb.EnumValueDescriptorProto{Name: proto.String(label), Number: proto.Int32(b.number(number))})
	}
	if !nested {
		b.file.EnumType = append(b.file.EnumType, e)
		return
	}
	m := b.messages[parent]
	m.EnumType = append(m.EnumType, e)
}

func (b *wireBuilder) addMessage(name string, fields []string) {
	b.t.Helper()
	m := b.messages[name]
	for _, f := range fields {
		b.addField(name, m, f)
	}
	// What an optional field is in is made last, as protoc does.
	for _, f := range m.Field {
		if f.GetProto3Optional() {
			f.OneofIndex = proto.Int32(int32(len(m.OneofDecl)))
			m.OneofDecl = append(m.OneofDecl, &descriptorpb.OneofDescriptorProto{Name: proto.String("_" + f.GetName())})
		}
	}
	parent, _, nested := cutLast(name)
	if !nested {
		b.file.MessageType = append(b.file.MessageType, m)
		return
	}
	b.messages[parent].NestedType = append(b.messages[parent].NestedType, m)
}

func (b *wireBuilder) addField(of string, m *descriptorpb.DescriptorProto, text string) {
	b.t.Helper()
	part := wireField.FindStringSubmatch(text)
	if part == nil {
		b.t.Fatalf("messages.txt: %s: cannot read the field %q", of, text)
	}
	f := &descriptorpb.FieldDescriptorProto{
		Name: proto.String(part[2]), Number: proto.Int32(b.number(part[1])), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
	}
	if part[3] == "repeated" || part[4] != "" {
		f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	}
	if part[3] == "optional" {
		f.Proto3Optional = proto.Bool(true)
	}
	if part[4] != "" {
		entry := b.entry(part[2], part[4], part[5])
		m.NestedType = append(m.NestedType, entry)
		f.Type = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum()
		f.TypeName = proto.String("." + wirePackage + "." + of + "." + entry.GetName())
	} else {
		b.setType(f, part[6])
	}
	if part[7] != "" {
		i := slices.IndexFunc(m.OneofDecl, func(o *descriptorpb.OneofDescriptorProto) bool { return o.GetName() == part[7] })
		if i < 0 {
			i = len(m.OneofDecl)
			m.OneofDecl = append(m.OneofDecl, &descriptorpb.OneofDescriptorProto{Name: proto.String(part[7])})
		}
		f.OneofIndex = proto.Int32(int32(i))
	}
	m.Field = append(m.Field, f)
}

// entry is the message that a map's pair is on the wire.
func (b *wireBuilder) entry(field, key, value string) *descriptorpb.DescriptorProto {
	var camel strings.Builder
	for part := range strings.SplitSeq(field, "_") {
		camel.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	e := &descriptorpb.DescriptorProto{
		Name:    proto.String(camel.String() + "Entry"),
		Options: &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)},
	}
	for i, typ := range []string{key, value} {
		f := &descriptorpb.FieldDescriptorProto{
			Name: proto.String([]string{"key", "value"}[i]), Number: proto.Int32(int32(i + 1)),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}
		b.setType(f, typ)
		e.Field = append(e.Field, f)
	}
	return e
}

func (b *wireBuilder) setType(f *descriptorpb.FieldDescriptorProto, name string) {
	b.t.Helper()
	if n, ok := descriptorpb.FieldDescriptorProto_Type_value["TYPE_"+strings.ToUpper(name)]; ok {
		f.Type = descriptorpb.FieldDescriptorProto_Type(n).Enum()
		return
	}
	switch {
	case strings.HasPrefix(name, "google."):
		f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), proto.String("."+name)
	case b.enums[name]:
		f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_ENUM.Enum(), proto.String("."+wirePackage+"."+name)
	case b.messages[name] != nil:
		f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), proto.String("."+wirePackage+"."+name)
	default:
		b.t.Fatalf("messages.txt: there is no type %s", name)
	}
}

func (b *wireBuilder) number(text string) int32 {
	b.t.Helper()
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		b.t.Fatalf("messages.txt: %v", err)
	}
	return int32(n)
}

func cutLast(name string) (parent, own string, nested bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}

// message returns an empty message.
func (w wire) message(t testing.TB, name string) *dynamicpb.Message {
	t.Helper()
	d := w.file.Messages().ByName(protoreflect.Name(name))
	if d == nil {
		t.Fatalf("messages.txt has no message %s", name)
	}
	return dynamicpb.NewMessage(d)
}

// answerOf names what a method answers with, where it is not its own Response.
func answerOf(method string) string {
	switch method {
	case "CreateRelease":
		return "Release"
	case "CreatePlan", "GetPlan":
		return "Plan"
	case "CreateRollout", "GetRollout":
		return "Rollout"
	case "GetTaskRunLog":
		return "TaskRunLog"
	}
	return method + "Response"
}

// rpc calls "bytebase.v1.Service/Method" as the pipeline client does, over
// Connect with binary messages and compressed answers, and returns the status
// and the answer as JSON.
func (w wire) rpc(s *servertest.Server, token, procedure string, request []byte) (status int, answer []byte) {
	s.T.Helper()
	_, method, _ := strings.Cut(procedure, "/")
	in := w.message(s.T, method+"Request")
	if err := protojson.Unmarshal(request, in); err != nil {
		s.T.Fatalf("%s: %v", procedure, err)
	}
	body, err := proto.Marshal(in)
	if err != nil {
		s.T.Fatal(err)
	}
	req, err := http.NewRequest("POST", s.URL+"/"+procedure, bytes.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	for key, value := range map[string]string{
		"Accept-Encoding": "gzip", "Authorization": "Bearer " + token, "Connect-Protocol-Version": "1",
		"Content-Type": "application/proto", "User-Agent": "connect-go/1.20.0 (go1.26.8)",
	} {
		req.Header.Set(key, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer resp.Body.Close()
	var out io.Reader = resp.Body
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if out, err = gzip.NewReader(resp.Body); err != nil {
			s.T.Fatal(err)
		}
	}
	text, err := io.ReadAll(out)
	if err != nil {
		s.T.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, text
	}
	if typ := resp.Header.Get("Content-Type"); typ != "application/proto" {
		s.T.Errorf("%s answers with Content-Type %q", procedure, typ)
	}
	return resp.StatusCode, w.json(s.T, answerOf(method), text)
}

// json reads a binary message and returns it as JSON. Fields of ours, which
// the client does not know, are left out.
func (w wire) json(t testing.TB, name string, binary []byte) []byte {
	t.Helper()
	m := w.message(t, name)
	if err := proto.Unmarshal(binary, m); err != nil {
		t.Fatalf("read a %s: %v", name, err)
	}
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		t.Fatal(err)
	}
	return compact.Bytes()
}
