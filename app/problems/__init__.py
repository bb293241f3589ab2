"""The problems as a page: what there is to practise, without a word of which bugs."""
