package api

// What the black-box tests of this package reach inside for.
var (
	Serve       = serve
	Caller      = caller
	PageOf      = pageOf
	PageToken   = pageToken
	MaskOf      = maskOf
	ParseFilter = parseFilter
	Codes       = codes
)
