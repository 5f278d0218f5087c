"""Reviews of the made-up shop, put together from phrase tables in English and Chinese; see demo_shop.py.

compose() gives (text, title, stars). Good ones praise two things, bad ones complain about two, neutral ones state facts. Which
words count for what is glint's lexicons' affair; a test holds that the moods are told apart as meant.
"""

JEWELLERY = ('necklaces', 'earrings', 'rings', 'bracelets')

# what a review may speak of, by language, mood and kind of goods ('worn' has a fit, 'jewel' has a shine)
PHRASES = {
    'en': {
        'good': {
            'any': ('I love this {noun}.', 'Beautiful colour, even better than in the pictures.', 'Great quality for the price.',
                    'It arrived quickly and was beautifully wrapped.', 'My friends all love it.', 'Elegant and well made.',
                    'I am very happy with it.', 'Wonderful gift, she was delighted.', 'Highly recommended!'),
            'worn': ('The fit is perfect and the fabric feels lovely.', 'So comfortable, I wear it every day.', 'Flattering cut, excellent finish.'),
            'jewel': ('It sparkles beautifully in the sun.', 'The stone is gorgeous.', 'Delicate, but it feels solid and precious.')},
        'neutral': {
            'any': ('I bought this {noun} in March.', 'It came on a Tuesday, in a brown box.', 'The colour is as in the picture.',
                    'It is for my sister, who turns thirty in June.', 'I ordered the smaller one of the two.'),
            'worn': ('I took it in size 38.', 'It goes down to the knee.'), 'jewel': ('The chain is 40 cm long.', 'It weighs about ten grams.')},
        'bad': {
            'any': ('I am very disappointed with this {noun}.', 'Terrible quality, it broke after two days.', 'It looks cheap and ugly.',
                    'It arrived damaged and the box was dirty.', 'Awful, I want my money back.', 'A complete waste of money.',
                    'The worst purchase I have made this year.', 'Do not buy it, it is horrible.'),
            'worn': ('The seams are torn and the fabric is scratchy and awful.', 'It shrank in the first wash, useless now.',
                     'The fit is terrible.'),
            'jewel': ('The clasp broke and I lost it, terrible.', 'It turned my skin green, disgusting.', 'The stone fell out, what a bad joke.')},
        'titles': {'good': ('Love it', 'Beautiful', 'Perfect', 'Very happy'), 'neutral': ('As ordered', 'For June'),
                   'bad': ('Broken', 'Terrible', 'Very disappointed', 'Bad quality')},
    },
    'zh': {
        'good': {
            'any': ('非常喜欢，很漂亮。', '质量很好，物超所值。', '颜色很美，比图片还好看。', '包装精美，物流很快，非常满意。', '做工精致，很满意。',
                    '朋友们都说好看。', '送给妈妈的，她很开心。', '推荐购买，值得拥有。'),
            'worn': ('很舒服，版型也很好看。', '面料舒适，穿着很优雅。', '大小合适，显瘦好看。'),
            'jewel': ('很闪亮，非常精致。', '戴着很漂亮，喜欢。', '光泽很好，很高档。')},
        'neutral': {
            'any': ('三月买的，星期二送到。', '颜色是图片上的那种。', '给妹妹买的，她六月生日。', '在两款里选了小的那一款。'),
            'worn': ('我穿三十八码。', '长度到膝盖。'), 'jewel': ('链子长四十厘米。', '大约十克重。')},
        'bad': {
            'any': ('质量太差了，非常失望。', '用了两天就坏了，垃圾。', '很难看，做工粗糙，后悔买了。', '收到就是破的，要求退货。', '太差劲了，浪费钱。',
                    '千万别买，上当了。', '客服态度恶劣，非常不满意。'),
            'worn': ('洗一次就缩水，太差了。', '起球严重，还掉色，失望。', '线头很多，面料很差。'),
            'jewel': ('戴了两天就掉色，太差了。', '扣子断了，质量很差。', '皮肤过敏，非常失望。')},
        'titles': {'good': ('很喜欢', '非常满意', '漂亮'), 'neutral': ('已收到',), 'bad': ('太差了', '失望', '质量差')},
    },
}
STARS = {'good': (4.0, 5.0, 5.0), 'neutral': (3.0, 3.0, 4.0), 'bad': (1.0, 1.0, 2.0)}


def compose(rng, lang, mood, category, noun):
    table = PHRASES[lang][mood]
    of = table['any'] + table['jewel' if category in JEWELLERY else 'worn']
    text = ('' if lang == 'zh' else ' ').join(rng.sample(of, 2)).replace('{noun}', noun)
    title = rng.choice(PHRASES[lang]['titles'][mood]) if rng.random() < .5 else None
    return text, title, rng.choice(STARS[mood])
