package main

import (
	"fmt"
	"go/types"
	"slices"
	"strings"
)

// describe returns a line for each exported name of a package, sorted.
func describe(pkg *types.Package) []string {
	d := &describer{pkg: pkg}
	for _, name := range pkg.Scope().Names() {
		if object := pkg.Scope().Lookup(name); object.Exported() {
			d.object(object)
		}
	}
	slices.Sort(d.lines)
	return d.lines
}

// A describer collects the lines of one package.
type describer struct {
	pkg   *types.Package
	lines []string
}

func (d *describer) add(format string, args ...any) {
	d.lines = append(d.lines, d.pkg.Name()+": "+fmt.Sprintf(format, args...))
}

// name qualifies the names of other packages.
func (d *describer) name(other *types.Package) string {
	if other == d.pkg {
		return ""
	}
	return other.Name()
}

func (d *describer) text(t types.Type) string { return types.TypeString(t, d.name) }

func (d *describer) signature(f *types.Func) string {
	return strings.TrimPrefix(d.text(f.Type()), "func")
}

func (d *describer) object(object types.Object) {
	switch object := object.(type) {
	case *types.Const:
		d.add("const %s %s = %s", object.Name(), d.text(object.Type()), object.Val().ExactString())
	case *types.Var:
		d.add("var %s %s", object.Name(), d.text(object.Type()))
	case *types.Func:
		d.add("func %s%s", object.Name(), d.signature(object))
	case *types.TypeName:
		d.typeName(object)
	}
}

func (d *describer) typeName(object *types.TypeName) {
	named, ok := object.Type().(*types.Named)
	if !ok || object.IsAlias() {
		d.add("type %s = %s", object.Name(), d.text(types.Unalias(object.Type())))
		return
	}
	name := object.Name() + parameters(named, d.name)
	switch under := named.Underlying().(type) {
	case *types.Struct:
		d.add("type %s struct", name)
		for field := range under.Fields() {
			d.field(object.Name(), field)
		}
	case *types.Interface:
		d.add("type %s interface", name)
		d.methods(object.Name(), under)
	default:
		d.add("type %s %s", name, d.text(under))
	}
	for method := range named.Methods() {
		if method.Exported() {
			d.add("method (%s) %s%s", d.text(method.Signature().Recv().Type()), method.Name(), d.signature(method))
		}
	}
}

// parameters are the type parameters of a generic type.
func parameters(named *types.Named, name types.Qualifier) string {
	var list []string
	for p := range named.TypeParams().TypeParams() {
		list = append(list, p.Obj().Name()+" "+types.TypeString(p.Constraint(), name))
	}
	if list == nil {
		return ""
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func (d *describer) field(of string, field *types.Var) {
	switch {
	case field.Embedded() && field.Exported():
		d.add("field %s embeds %s", of, d.text(field.Type()))
	case field.Exported():
		d.add("field %s.%s %s", of, field.Name(), d.text(field.Type()))
	}
}

// methods adds those of an interface. A method that is not exported keeps other
// packages from implementing it.
func (d *describer) methods(of string, t *types.Interface) {
	for method := range t.Methods() {
		if method.Exported() {
			d.add("method (%s) %s%s", of, method.Name(), d.signature(method))
		}
	}
	if slices.ContainsFunc(slices.Collect(t.Methods()), func(m *types.Func) bool { return !m.Exported() }) {
		d.add("type %s interface has unexported methods", of)
	}
}
