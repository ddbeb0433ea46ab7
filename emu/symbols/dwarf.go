// SPDX-License-Identifier: Apache-2.0

package symbols

import (
	"cmp"
	"debug/dwarf"
	"debug/elf"
	"errors"
	"path/filepath"
	"slices"
	"strings"
)

// lines finds source lines in DWARF.
type lines struct {
	data  *dwarf.Data
	root  string      // of the source tree: not shown
	units []unitRange // by address; they do not overlap
	cache map[uint64][]Frame
	rows  map[dwarf.Offset]*rows // by unit
}

// rows is a unit's line table.
type rows struct {
	files []*dwarf.LineFile
	rows  []row // by address
}

// row says which line the code in [low, high) comes from.
type row struct {
	low, high uint64
	file      *dwarf.LineFile
	line      int
}

type unitRange struct {
	low, high uint64
	unit      *dwarf.Entry
}

// langAssembler is DW_LANG_Mips_Assembler, which the GNU assembler uses.
const langAssembler = 0x8001

// newLines reads the debug information of an ELF file; an error if it has none.
func newLines(f *elf.File) (*lines, error) {
	read := f.DWARF
	if f.Type == elf.ET_REL {
		read = func() (*dwarf.Data, error) { return relocatedDWARF(f) }
	}
	d, err := read()
	if err != nil {
		return nil, err
	}
	l := &lines{data: d, cache: make(map[uint64][]Frame), rows: make(map[dwarf.Offset]*rows)}
	for r := d.Reader(); ; r.SkipChildren() {
		e, err := r.Next()
		if err != nil {
			return nil, err
		}
		if e == nil {
			break
		}
		if e.Tag != dwarf.TagCompileUnit {
			continue
		}
		ranges, err := d.Ranges(e)
		if err != nil {
			return nil, err
		}
		for _, g := range ranges {
			if g[0] < g[1] {
				l.units = append(l.units, unitRange{g[0], g[1], e})
			}
		}
	}
	if len(l.units) == 0 {
		return nil, errors.New("no debug information")
	}
	slices.SortFunc(l.units, func(a, b unitRange) int { return cmp.Compare(a.low, b.low) })
	return l, nil
}

// unit is the compilation unit of pc. Units in assembler can be said to be a few
// bytes longer than they are after linking; the unit that begins there is meant.
func (l *lines) unit(pc uint64) *dwarf.Entry {
	i, _ := slices.BinarySearchFunc(l.units, pc, func(u unitRange, pc uint64) int {
		if u.low <= pc {
			return -1
		}
		return 1
	})
	for j := i - 1; j >= 0 && j >= i-2; j-- {
		if pc < l.units[j].high {
			return l.units[j].unit
		}
	}
	return nil
}

// setRoot makes all source files be shown relative to the tree in which the code at
// pc comes from file.
func (l *lines) setRoot(pc uint64, file string) {
	if u := l.unit(pc); u != nil {
		if name, _ := u.Val(dwarf.AttrName).(string); strings.HasSuffix(name, "/"+file) {
			l.root = strings.TrimSuffix(name, file)
		}
	}
}

// frames is the functions that pc is in, innermost first: all but the last were
// inlined. Nothing if pc is not known. PC and Offset are left to the caller.
func (l *lines) frames(pc uint64) []Frame {
	if f, ok := l.cache[pc]; ok {
		return f
	}
	f := l.find(pc)
	l.cache[pc] = f
	return f
}

func (l *lines) find(pc uint64) []Frame {
	unit := l.unit(pc)
	if unit == nil {
		return nil
	}
	dir := l.root
	if dir == "" {
		dir, _ = unit.Val(dwarf.AttrCompDir).(string)
	}
	lang, _ := unit.Val(dwarf.AttrLanguage).(int64)
	table := l.table(unit)
	here := Frame{Asm: lang == langAssembler}
	if r, ok := table.at(pc); ok {
		here.File, here.Line = relative(r.file.Name, dir), r.line
	}
	files := table.files
	// From the outside in; then turned over.
	var out []Frame
	for _, e := range l.scopes(unit, pc) {
		f := Frame{Func: l.nameOf(e)}
		if e.Tag == dwarf.TagInlinedSubroutine && len(out) > 0 {
			outer := &out[len(out)-1]
			if line, ok := e.Val(dwarf.AttrCallLine).(int64); ok {
				outer.Line = int(line)
			}
			if n, ok := e.Val(dwarf.AttrCallFile).(int64); ok && n >= 0 && n < int64(len(files)) && files[n] != nil {
				outer.File = relative(files[n].Name, dir)
			}
			f.Inline = true
		}
		out = append(out, f)
	}
	if len(out) == 0 {
		return []Frame{here}
	}
	in := &out[len(out)-1]
	in.File, in.Line, in.Asm = here.File, here.Line, here.Asm
	slices.Reverse(out)
	return out
}

// table reads a unit's line table. LineReader.SeekPC expects the sequences to be in
// the order of their addresses, which linkers do not promise.
func (l *lines) table(unit *dwarf.Entry) *rows {
	if t := l.rows[unit.Offset]; t != nil {
		return t
	}
	t := &rows{}
	l.rows[unit.Offset] = t
	lr, err := l.data.LineReader(unit)
	if err != nil || lr == nil {
		return t
	}
	var prev, e dwarf.LineEntry
	for inSequence := false; lr.Next(&e) == nil; prev, inSequence = e, !e.EndSequence {
		if inSequence && prev.Address < e.Address && prev.File != nil {
			t.rows = append(t.rows, row{prev.Address, e.Address, prev.File, prev.Line})
		}
	}
	t.files = lr.Files()
	slices.SortStableFunc(t.rows, func(a, b row) int { return cmp.Compare(a.low, b.low) })
	return t
}

func (t *rows) at(pc uint64) (row, bool) {
	i, _ := slices.BinarySearchFunc(t.rows, pc, func(r row, pc uint64) int {
		if r.low <= pc {
			return -1
		}
		return 1
	})
	if i == 0 || pc >= t.rows[i-1].high {
		return row{}, false
	}
	return t.rows[i-1], true
}

// scopes is the subprogram that pc is in and the inlined ones within it, from the
// outside in.
func (l *lines) scopes(unit *dwarf.Entry, pc uint64) []*dwarf.Entry {
	r := l.data.Reader()
	r.Seek(unit.Offset)
	if _, err := r.Next(); err != nil {
		return nil
	}
	var out []*dwarf.Entry
	depth := 0 // of children that are being walked, within a subprogram
	for {
		e, err := r.Next()
		if err != nil || e == nil || e.Tag == dwarf.TagCompileUnit {
			return out
		}
		if e.Tag == 0 {
			depth--
			if len(out) > 0 && depth <= 0 {
				return out
			}
			continue
		}
		switch e.Tag {
		case dwarf.TagSubprogram, dwarf.TagInlinedSubroutine, dwarf.TagLexDwarfBlock:
			if l.covers(e, pc) {
				if e.Tag != dwarf.TagLexDwarfBlock {
					out = append(out, e)
				}
				if !e.Children {
					return out
				}
				depth++
				continue
			}
		case dwarf.TagNamespace:
			if e.Children {
				depth++
			}
			continue
		}
		if e.Children {
			r.SkipChildren()
		}
	}
}

func (l *lines) covers(e *dwarf.Entry, pc uint64) bool {
	ranges, err := l.data.Ranges(e)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(ranges, func(g [2]uint64) bool { return g[0] <= pc && pc < g[1] })
}

// nameOf is the name of a function, which may be said elsewhere.
func (l *lines) nameOf(e *dwarf.Entry) string {
	for range 4 {
		if n, ok := e.Val(dwarf.AttrName).(string); ok {
			return n
		}
		off, ok := e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset)
		if !ok {
			if off, ok = e.Val(dwarf.AttrSpecification).(dwarf.Offset); !ok {
				return ""
			}
		}
		r := l.data.Reader()
		r.Seek(off)
		next, err := r.Next()
		if err != nil || next == nil {
			return ""
		}
		e = next
	}
	return ""
}

// relative strips a directory.
func relative(file, dir string) string {
	file = filepath.Clean(file)
	if dir != "" {
		file = strings.TrimPrefix(file, filepath.Clean(dir)+"/")
	}
	return file
}
