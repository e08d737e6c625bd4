package remote

// SplitSmall has files of so many bytes read over several connections already.
func SplitSmall(from, least int64) { splitFrom, segmentLeast = from, least }
