package rest_test

import (
	"fmt"
	"testing"

	"connectrpc.com/connect/v2"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"slipway/internal/api/rest"
)

// serverOf has a service with a method for each rule, which takes a message
// {string name; int32 size; google.api.HttpRule rule; repeated string names}.
func serverOf(t *testing.T, rules ...*annotations.HttpRule) *connect.Server {
	t.Helper()
	field := func(n int32, name string, typ descriptorpb.FieldDescriptorProto_Type, label descriptorpb.FieldDescriptorProto_Label, of string) *descriptorpb.FieldDescriptorProto {
		f := &descriptorpb.FieldDescriptorProto{Name: &name, Number: &n, Type: &typ, Label: &label}
		if of != "" {
			f.TypeName = &of
		}
		return f
	}
	const one, many = descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL, descriptorpb.FieldDescriptorProto_LABEL_REPEATED
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("t.proto"), Package: proto.String("t"), Syntax: proto.String("proto3"),
		Dependency: []string{"google/api/annotations.proto", "google/api/http.proto"},
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("M"), Field: []*descriptorpb.FieldDescriptorProto{
			field(1, "name", descriptorpb.FieldDescriptorProto_TYPE_STRING, one, ""),
			field(2, "size", descriptorpb.FieldDescriptorProto_TYPE_INT32, one, ""),
			field(3, "rule", descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, one, ".google.api.HttpRule"),
			field(4, "names", descriptorpb.FieldDescriptorProto_TYPE_STRING, many, ""),
		}}},
	}
	service := &descriptorpb.ServiceDescriptorProto{Name: proto.String("S")}
	for i, rule := range rules {
		options := &descriptorpb.MethodOptions{}
		proto.SetExtension(options, annotations.E_Http, rule)
		service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
			Name: proto.String(fmt.Sprintf("M%d", i)), InputType: proto.String(".t.M"), OutputType: proto.String(".t.M"), Options: options,
		})
	}
	file.Service = append(file.Service, service)
	fd, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	server := connect.NewServer()
	for i := range rules {
		md := fd.Services().Get(0).Methods().Get(i)
		server.Register(connect.Method{Spec: connect.Spec{Procedure: "/t.S/" + string(md.Name()), Schema: md}})
	}
	return server
}

func getRule(path string) *annotations.HttpRule {
	return &annotations.HttpRule{Pattern: &annotations.HttpRule_Get{Get: path}}
}

// A binding that cannot be served as it is written stops the start.
func TestNewRefuses(t *testing.T) {
	post := &annotations.HttpRule{Pattern: &annotations.HttpRule_Post{Post: "/v1/a"}}
	withBody := func(field string) *annotations.HttpRule {
		r := proto.CloneOf(post)
		r.Body = field
		return r
	}
	for _, tc := range []struct {
		rules []*annotations.HttpRule
		want  string
	}{
		{[]*annotations.HttpRule{getRule("v1/a")}, `bind t.S.M0: path template "v1/a": it begins with a slash`},
		{[]*annotations.HttpRule{getRule("/v1/{name=a/**}")}, `bind t.S.M0: path template "/v1/{name=a/**}": a segment is a word or *`},
		{[]*annotations.HttpRule{getRule("/v1//a")}, `bind t.S.M0: path template "/v1//a": a segment is a word or *`},
		{[]*annotations.HttpRule{getRule("/v1/a/")}, `bind t.S.M0: path template "/v1/a/": segments are separated by one slash`},
		{[]*annotations.HttpRule{getRule("/v1/{name}b")}, `bind t.S.M0: path template "/v1/{name}b": segments are separated by one slash`},
		{[]*annotations.HttpRule{getRule("/v1/{name=a/*")}, `bind t.S.M0: path template "/v1/{name=a/*": a variable is {field} or {field=segments}`},
		{[]*annotations.HttpRule{getRule("/v1/{Name}")}, `bind t.S.M0: path template "/v1/{Name}": a variable is {field} or {field=segments}`},
		{[]*annotations.HttpRule{getRule("/v1/a:b{c")}, `bind t.S.M0: path template "/v1/a:b{c": the verb after the colon is not a word`},
		{[]*annotations.HttpRule{getRule("/v1/{missing=a/*}")}, `bind t.S.M0: variable "missing": t.M has no single field "missing"`},
		{[]*annotations.HttpRule{getRule("/v1/{names=a/*}")}, `bind t.S.M0: variable "names": t.M has no single field "names"`},
		{[]*annotations.HttpRule{getRule("/v1/{size=a/*}")}, `bind t.S.M0: variable "size" is not a string`},
		{[]*annotations.HttpRule{getRule("/v1/{name.x=a/*}")}, `bind t.S.M0: variable "name.x" leads through a field that is no message`},
		{[]*annotations.HttpRule{withBody("missing")}, `bind t.S.M0: body: t.M has no message field "missing"`},
		{[]*annotations.HttpRule{withBody("size")}, `bind t.S.M0: body: t.M has no message field "size"`},
		{[]*annotations.HttpRule{{}}, `bind t.S.M0: the binding has no method and path`},
		{[]*annotations.HttpRule{getRule("/v1/{name=a/*}"), getRule("/v1/{rule.selector=a/*}")}, `bind t.S.M1: GET /v1/a/* is taken by t.S.M0`},
	} {
		_, err := rest.New(serverOf(t, tc.rules...), rest.Config{})
		if got := fmt.Sprint(err); got != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
}

func TestNewTakes(t *testing.T) {
	for _, path := range []string{"/v1/{name}", "/v1/{rule.selector=a/*/b}:undo", "/v1/a:do", "/*", "/v1/{name=*}/b"} {
		if _, err := rest.New(serverOf(t, getRule(path)), rest.Config{}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
