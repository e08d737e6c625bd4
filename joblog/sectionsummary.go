package joblog

// open adds a section, unless one was omitted before. So no section is kept
// without those around it.
func (s *summarizer) open(section *Section, d *draft) {
	if s.OmittedSections > 0 {
		s.OmittedSections++
		return
	}
	summary := &SectionSummary{Section: section}
	if section == d.opened[len(d.opened)-1] {
		summary.Header = excerpt(d.text)
	}
	if s.held += summary.size(); s.held > maxSections {
		s.OmittedSections++
		return
	}
	s.known[section] = summary
	if parent := s.known[section.parent]; parent != nil {
		parent.Sections = append(parent.Sections, summary)
	} else {
		s.Sections = append(s.Sections, summary)
	}
}

// size returns how many bytes a section takes, rounded up: its two structs, its
// element in a growing slice, and its texts and options.
func (s *SectionSummary) size() int {
	size := 96 + 48 + 24 + textSize(s.Name) + textSize(s.Header)
	if s.Options == nil {
		return size
	}
	size += 352 // a map of up to eight entries
	if len(s.Options) > 8 {
		size += 1408
	}
	for key, value := range s.Options {
		size += textSize(key) + textSize(value)
	}
	return size
}

// textSize returns how many bytes a text takes, with the allocator's rounding.
func textSize(text string) int {
	if text == "" {
		return 0
	}
	return len(text) + len(text)/8 + 16
}
