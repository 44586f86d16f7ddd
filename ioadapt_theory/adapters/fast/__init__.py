"""What makes adapters fast, and nothing else: products, one autograd function, and what is kept between steps."""
